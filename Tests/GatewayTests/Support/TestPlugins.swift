// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Values

/// A plugin of one closure, and a note of everything that it was asked.
final class TestPlugin: PluginInvoker {
    typealias Script = @Sendable (PluginInvocation) -> PluginResult

    private let script: Script
    private let noted = Mutex<[PluginInvocation]>([])

    init(_ script: @escaping Script) { self.script = script }

    var invocations: [PluginInvocation] { noted.withLock { $0 } }

    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        noted.withLock { $0.append(invocation) }
        return PluginAnswer(plugin: invocation.plugin, outcome: .success(script(invocation)))
    }

    func describe(_ plugin: String) async -> Value? { nil }
    var health: PluginHealth { PluginHealth(isServing: true, plugins: [:]) }

    /// As an enforcing member of a chain.
    func at(_ hooks: HookName..., conditions: [PluginCondition] = [], priority: Int = 100) -> PipelinePlugin {
        var entry = PluginEntry(name: "p\(priority)", kind: "test")
        entry.hooks = hooks
        entry.conditions = conditions
        entry.priority = priority
        return PipelinePlugin(entry, invoker: self)
    }

    // MARK: Some that are often wanted

    /// Replaces "SECRET" everywhere in a payload, as a filter of personal data does.
    static var masking: TestPlugin {
        TestPlugin { invocation in
            let masked = mask(invocation.payload.value)
            guard masked != invocation.payload.value else { return PluginResult() }
            return PluginResult(modifiedPayload: Document(masked))
        }
    }

    static func mask(_ value: Value) -> Value {
        switch value {
        case .string(let text):
            return .string(text.split(separator: "SECRET", omittingEmptySubsequences: false).joined(separator: "***"))
        case .array(let elements): return .array(elements.map(mask))
        case .object(let object): return .object(ValueObject(object.map { ($0.key, mask($0.value)) }))
        default: return value
        }
    }

    /// Blocks what contains a text.
    static func blocking(_ text: String, status: Int? = nil) -> TestPlugin {
        TestPlugin { invocation in
            guard invocation.payload.value.description.contains(text) else { return PluginResult() }
            return PluginResult(
                continueProcessing: false,
                violation: PluginViolation(code: "BAD", reason: "bad", description: "found it", httpStatusCode: status))
        }
    }

    /// Changes one member of the payload.
    static func setting(_ key: String, to value: Value) -> TestPlugin {
        TestPlugin { invocation in
            var payload = invocation.payload
            payload[key] = value
            return PluginResult(modifiedPayload: payload)
        }
    }
}
