// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

extension PluginContext {
    /// The context as the plugin sees it.
    fileprivate var seen: Value {
        let values = values
        let kind =
            switch values.global.user {
            case nil, .null?: "none"
            case .string?: "string"
            default: "object"
            }
        return [
            "request_id": .string(values.global.requestID), "user": values.global.user ?? nil,
            "user_kind": .string(kind),
            "tenant_id": values.global.tenantID.map(Value.string) ?? nil,
            "server_id": values.global.serverID.map(Value.string) ?? nil, "global_state": .object(values.global.state),
            "global_metadata": .object(values.global.metadata), "state": .object(values.state),
            "metadata": .object(values.metadata),
        ]
    }
}

/// Reports the context it was given, and the payload, in the result's metadata.
struct InspectPlugin: Plugin, ToolPreInvoke, ToolPostInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        .pass(metadata: ["seen": context.seen, "payload": call.document.value])
    }

    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        .pass(metadata: ["seen": context.seen, "payload": result.document.value])
    }
}

/// Writes to state, metadata and global state; its post hook reports what it finds there.
struct RememberPlugin: Plugin, ToolPreInvoke, ToolPostInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        context.update { values in
            values.state["calls"] = .int((values.state["calls"]?.intValue ?? 0) + 1)
            values.state["tool"] = .string(call.name)
            values.metadata["note"] = "from pre"
            values.global.state["shared"] = ["by": "Remember", "order": [1, 2]]
        }
        return .pass
    }

    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        .pass(metadata: ["seen": context.seen])
    }
}

/// Empties state, metadata and global state.
struct ForgetPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        context.update { values in
            values.state = [:]
            values.metadata = [:]
            values.global.state = [:]
        }
        return .pass
    }
}
