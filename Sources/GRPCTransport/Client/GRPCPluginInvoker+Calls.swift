// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
package import PluginFramework
import PluginWire
package import Values

/// The three questions.
extension GRPCPluginInvoker {
    /// True: a call ends at its deadline here, whatever the server does.
    package var keepsDeadlines: Bool { true }

    /// Runs one hook of the plugin on its server.
    ///
    /// Without a deadline the time limit is the entry's `timeout`, else the channel's `callTimeout`.
    package func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        guard let admitted else { return failure(downError) }
        let left = invocation.deadline.map { $0 - .now } ?? callTimeout
        do {
            let bytes = try await channel.call(.invokeHook, timeout: left) { () throws(WireError) in
                let request = InvokeHookRequest(
                    hookType: invocation.hook.rawValue, pluginName: admitted.name, payload: invocation.payload,
                    context: invocation.context)
                var buffer = GRPCMessage.buffer(capacity: 1_024)
                try request.encode(into: &buffer, features: channel.features, keeping: invocation.encodings)
                return buffer
            }
            return answer(try InvokeHookResponse(decoding: bytes), to: invocation)
        } catch let status as GRPCStatus {
            return failure(error(of: status, invocation.hook, left))
        } catch let error as UnsendableRequest {
            let message =
                "the payload or context of \(invocation.hook) cannot be sent to plugin '\(name)': \(error.cause)"
            return failure(PluginError(message, pluginName: name, code: PluginError.Code.invalidPayload))
        } catch {
            let message = "the answer of plugin '\(name)' from \(target) cannot be understood: \(error)"
            return failure(PluginError(message, pluginName: name, code: PluginError.Code.internalError))
        }
    }

    private func answer(_ response: InvokeHookResponse, to invocation: PluginInvocation) -> PluginAnswer {
        let features = channel.features
        var context = response.context
        if context != nil { context?.complete(from: invocation.context.values, features) }
        switch response.outcome {
        case .result(var result):
            result.restoreNumbers(of: invocation.payload, features)
            return PluginAnswer(plugin: name, outcome: .success(result), context: context)
        case .error(var error):
            error.pluginName = name
            return PluginAnswer(plugin: name, outcome: .failure(error), context: context)
        }
    }

    /// The configuration that the server reports: for this plugin the last known when the server cannot be asked now.
    package func describe(_ plugin: String) async -> Value? {
        let isOwn = plugin.lowercased().hasSameBytes(as: name.lowercased())
        guard let admitted else { return nil }
        switch await describeRemotely(plugin, timeout: .seconds(2)) {
        case .success(let description): return description
        case .failure: return isOwn ? admitted.description : nil
        }
    }

    /// How the plugin is, as far as is known without asking: its server is asked every `healthCheckInterval` of the connector.
    package var health: PluginHealth {
        get async {
            let isServing = admitted != nil && channelStatus.isServing && isHealthy
            return PluginHealth(isServing: isServing, plugins: [name: isServing])
        }
    }

    /// Asks the server for a plugin's configuration; nil when it has no such plugin.
    func describeRemotely(_ plugin: String, timeout: Duration) async -> Result<Value?, any Error> {
        do {
            let bytes = try await channel.call(.getPluginConfig, timeout: timeout) { () throws(WireError) in
                var buffer = GRPCMessage.buffer(capacity: 64)
                try GetPluginConfigRequest(name: plugin).encode(into: &buffer)
                return buffer
            }
            return .success(try GetPluginConfigResponse(decoding: bytes).config?.value)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Failures

    func failure(_ error: PluginError) -> PluginAnswer {
        PluginAnswer(plugin: name, outcome: .failure(error))
    }

    func error(of status: GRPCStatus, _ hook: HookName, _ limit: Duration) -> PluginError {
        let place = "plugin '\(name)' at \(target)"
        let details: ValueObject = ["target": .string(target), "grpc_status": .string("\(status.code)")]
        let (message, code): (String, String) =
            switch status.code {
            case .deadlineExceeded:
                (
                    "\(place) did not answer at hook '\(hook)' within \(max(limit, .zero).secondsDescription); "
                        + "raise plugin_settings.plugin_timeout, or timeout of its entry, if it needs more",
                    PluginError.Code.timeout
                )
            case .cancelled: ("the call of \(place) was cancelled: \(status.message)", PluginError.Code.cancelled)
            case .unavailable: ("\(place) cannot be called: \(status.message)", PluginError.Code.unavailable)
            default:
                ("\(place) ended the call with \(status)", PluginError.Code.internalError)
            }
        return PluginError(message, pluginName: name, code: code, details: details)
    }
}
