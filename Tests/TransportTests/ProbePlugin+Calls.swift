// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import TransportProbe
import Values

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
