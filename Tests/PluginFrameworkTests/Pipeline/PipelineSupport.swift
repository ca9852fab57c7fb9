// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import Synchronization
import Values

/// A plugin of one closure, and a note of everything that it was asked.
final class Scripted: PluginInvoker {
    typealias Script = @Sendable (PluginInvocation) async throws -> PluginResult

    private let script: Script
    private let asked = Mutex<[PluginInvocation]>([])

    init(_ script: @escaping Script) { self.script = script }

    var invocations: [PluginInvocation] { asked.withLock { $0 } }
    var payloads: [Value] { invocations.map(\.payload.value) }

    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        asked.withLock { $0.append(invocation) }
        do {
            let result = try await script(invocation)
            return PluginAnswer(
                plugin: "somebody else", outcome: .success(result), context: invocation.context.changes)
        } catch let error as PluginError {
            return PluginAnswer(plugin: "somebody else", outcome: .failure(error))
        } catch {
            return PluginAnswer(
                plugin: "somebody else", outcome: .failure(PluginError("\(error)", pluginName: "somebody else")))
        }
    }

    func describe(_ plugin: String) async -> Value? { nil }
    var health: PluginHealth { PluginHealth(isServing: true, plugins: [:]) }
}

/// What is common to the tests of the pipeline.
enum Pipelines {
    static func entry(
        _ name: String, _ mode: PluginMode = .enforce, hooks: [HookName] = [.toolPreInvoke], priority: Int = 100,
        onError: PluginErrorPolicy? = nil, conditions: [PluginCondition] = [], timeout: Duration? = nil
    ) -> PluginEntry {
        var entry = PluginEntry(name: name, kind: "scripted")
        entry.mode = mode
        entry.hooks = hooks
        entry.priority = priority
        entry.errorPolicy = onError
        entry.conditions = conditions
        entry.timeout = timeout
        return entry
    }

    static func plugin(_ entry: PluginEntry, _ script: @escaping Scripted.Script) -> PipelinePlugin {
        PipelinePlugin(entry, invoker: Scripted(script))
    }

    static func make(
        _ plugins: [PipelinePlugin], writableFields: WritableFields = .standard, patterns: PatternCompiler? = nil,
        settings change: (inout PipelineSettings) -> Void = { _ in }
    ) throws -> Pipeline {
        var settings = PipelineSettings()
        change(&settings)
        return try Pipeline(
            PipelineConfiguration(
                plugins: plugins, settings: settings, writableFields: writableFields, patterns: patterns),
            logger: .silent)
    }

    static func request(_ id: String = "r") -> PipelineRequest { PipelineRequest(GlobalContext(requestID: id)) }

    static let violation = PluginViolation(code: "NO", reason: "no", description: "really not")

    static func block(_ violation: PluginViolation? = violation) -> PluginResult {
        PluginResult(continueProcessing: false, violation: violation)
    }
}

extension PipelineOutcome {
    /// The verdicts of the steps, as "plugin verdict".
    var course: [String] { steps.map { "\($0.plugin) \($0.verdict.rawValue)" } }

    var rejectedKeys: [String] { steps.flatMap(\.rejections).map(\.key) }
}

/// Opens once, and lets everybody through from then on.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [UnsafeContinuation<Void, Never>])>((false, []))

    /// Waits without regard to cancellation.
    func wait() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// Counts, and lets those through who wait for a count.
final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }

    /// Waits until the count is reached; gives up after a time that only a fault can take.
    func reaches(_ wanted: Int) async -> Bool {
        for _ in 0..<12_000 {
            if value >= wanted { return true }
            do { try await Task.sleep(for: .milliseconds(5)) } catch { return false }
        }
        return false
    }
}
