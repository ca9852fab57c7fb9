// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Synchronization
import Values

/// Does what the tool's name says.
struct ProbePlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    /// Calls that were cancelled while they slept, of all tests.
    static let cancelled = Atomic(0)

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        switch call.name {
        case "pass":
            return .pass
        case "change":
            context.update { values in
                values.state["seen"] = values.global.state["n"] ?? .null
                values.metadata["tenant"] = values.global.tenantID.map { .string($0) } ?? .null
                values.global.state["echo"] = values.global.state["n"] ?? .null
            }
            var call = call
            call.args?["added"] = ["deep": [1, 2.5, true, nil, "text"]]
            return .pass(call)
        case "block":
            var violation = PluginViolation(
                code: "NO", reason: "not this one", description: "ünïcode \u{1F600}", details: ["line": 7])
            violation.mcpErrorCode = -32_001
            violation.httpStatusCode = 422
            violation.httpHeaders = ["Retry-After": "7"]
            return .block(violation)
        case "report":
            throw PluginError(
                "it broke", pluginName: "", code: "BROKEN", details: ["why": "test"], mcpErrorCode: -32_050)
        case "throw":
            throw Surprise()
        case "echo":
            await Task.yield()
            return .pass(call)
        case "sleep":
            do {
                try await Task.sleep(for: .milliseconds(call.args?["ms"]?.intValue ?? 0))
            } catch {
                Self.cancelled.add(1, ordering: .relaxed)
                throw error
            }
            return .pass(call)
        default:
            return .pass
        }
    }

    private struct Surprise: Error {}
}

extension PluginInvocation {
    /// A call of the probe.
    static func probe(
        _ tool: String, _ args: ValueObject = [:], deadline: ContinuousClock.Instant? = nil,
        state: ValueObject = ["n": 5]
    ) -> PluginInvocation {
        PluginInvocation(
            hook: .toolPreInvoke, plugin: "Probe", payload: ToolCall(name: tool, args: args).document,
            context: PluginContext(
                global: GlobalContext(requestID: "r-1", user: "ada", tenantID: "t-1", state: state)),
            deadline: deadline)
    }
}

extension PluginAnswer {
    /// The error, if it is one.
    var error: PluginError? {
        guard case .failure(let error) = outcome else { return nil }
        return error
    }

    /// The result, if it is none.
    var result: PluginResult? {
        guard case .success(let result) = outcome else { return nil }
        return result
    }

    /// The arguments of the call as the plugin changed it.
    var args: ValueObject? { result?.modifiedPayload?.value["args"]?.objectValue }
}
