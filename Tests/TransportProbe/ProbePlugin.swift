// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
import Synchronization
import Values

/// Does what the tool's name says: what every transport is shown with, in the process of the tests or in another.
package struct ProbePlugin: Plugin, ToolPreInvoke {
    /// It has none.
    package let settings: NoSettings

    /// Calls that were cancelled while they slept, of all that this process ran; the tool `cancelled` tells it.
    private static let cancelled = Atomic(0)

    /// Makes the plugin.
    package init(settings: NoSettings) { self.settings = settings }

    /// Does what the tool's name says; a name that it does not know is a pass.
    package func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
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
        case "cancelled":
            var call = call
            call.args?["count"] = .int(Int64(Self.cancelled.load(ordering: .relaxed)))
            return .pass(call)
        default:
            return .pass
        }
    }

    private struct Surprise: Error {}
}
