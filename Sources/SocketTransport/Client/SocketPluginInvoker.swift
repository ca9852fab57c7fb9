// SPDX-License-Identifier: Apache-2.0

package import Logging
import NIOCore
package import PluginFramework
import PluginWire
package import Values

/// Runs one external plugin on a plugin server over a raw Unix socket, ours or ContextForge's.
package final class SocketPluginInvoker: ExternalPlugin, PluginChainInvoker {
    let channel: SocketChannel
    private let callTimeout: Duration
    /// Whether it can be called, and what its server says of it.
    package let admission: PluginAdmission
    private let release: @Sendable () async -> Void

    /// Makes an invoker that was not started.
    ///
    /// - Parameters:
    ///   - callTimeout: The time limit of a call without a deadline, unless the entry has a `timeout` of its own.
    ///   - release: Called once when it is shut down.
    package init(
        entry: PluginEntry, channel: SocketChannel, callTimeout: Duration, logger: Logger,
        release: @escaping @Sendable () async -> Void
    ) {
        admission = PluginAdmission(
            entry: entry, target: "unix:\(channel.path)", transport: "Unix socket", logger: logger)
        self.channel = channel
        self.callTimeout = entry.timeout ?? callTimeout
        self.release = release
    }

    /// The plugin's name as it is configured here; read where it stands, because a copy of the entry would count each of its parts.
    var name: String { admission.local.name }

    /// How the way there is.
    package var channelStatus: SocketChannelStatus { channel.status }

    // MARK: Starting

    /// Connects, and returns when the plugin can be called or it is known that it cannot yet be; after `patience` in any case.
    ///
    /// A plugin that is down is admitted as soon as it answers.
    package func start(patience: Duration) async {
        let channel = channel
        await admission.start(patience: patience) { [weak self] in
            channel.connect()
            for await status in channel.statusUpdates() {
                guard let self, !Task.isCancelled else { return }
                await self.follow(status)
            }
        }
    }

    private func follow(_ status: SocketChannelStatus) async {
        switch status.connectivity {
        case .idle, .shutDown:
            break
        case .connecting, .failed:
            if let failure = status.failure {
                admission.suspend("the server at \(target) cannot be reached: \(failure)")
            }
        case .ready:
            await admission.fetch(status.generation) {
                channel.status.connectivity == .ready
            } describe: {
                await describeRemotely(name, timeout: .seconds(5))
            }
        }
    }

    /// Takes no more calls, and lets go of the connections.
    package func shutDown() async {
        if admission.shutDown() { await release() }
    }

    // MARK: The three questions

    /// True: a call ends at its deadline here, whatever the server does.
    package var keepsDeadlines: Bool { true }

    /// Runs one hook of the plugin on its server.
    ///
    /// Without a deadline the time limit is the entry's `timeout`, else that of `unix_socket`.
    package func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        guard let admitted = admission.admitted else { return failure(admission.downError) }
        let left = invocation.deadline.map { $0 - .now } ?? callTimeout
        let features = channel.features
        var request = ByteBuffer()
        do throws(WireError) {
            try InvokeHookRequest(
                hookType: invocation.hook.rawValue, pluginName: admitted.name, payload: invocation.payload,
                context: invocation.context
            ).encode(into: &request, features: features, keeping: invocation.encodings)
        } catch {
            let message =
                "the payload or context of \(invocation.hook) cannot be sent to plugin '\(name)': \(error)"
            return failure(PluginError(message, pluginName: name, code: PluginError.Code.invalidPayload))
        }
        let bytes: ByteBuffer
        do throws(SocketCallFailure) {
            bytes = try await channel.call(.invokeHook, request, timeout: left)
        } catch {
            return failure(pluginError(of: error, invocation.hook, left))
        }
        do throws(WireError) {
            return answer(try InvokeHookResponse(decoding: bytes), to: invocation, features)
        } catch {
            let message = "the answer of plugin '\(name)' from \(target) cannot be understood: \(error)"
            return failure(PluginError(message, pluginName: name, code: PluginError.Code.internalError))
        }
    }

    private func answer(
        _ response: InvokeHookResponse, to invocation: PluginInvocation, _ features: WireFeatures
    ) -> PluginAnswer {
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
        guard let admitted = admission.admitted else { return nil }
        switch await describeRemotely(plugin, timeout: .seconds(2)) {
        case .success(let description): return description
        case .failure: return isOwn ? admitted.description : nil
        }
    }

    /// How the plugin is, as far as is known without asking.
    package var health: PluginHealth {
        get async {
            let isServing = admission.admitted != nil && channel.status.connectivity == .ready
            return PluginHealth(isServing: isServing, plugins: [name: isServing])
        }
    }

    /// Asks the server for a plugin's configuration; nil when it has no such plugin.
    private func describeRemotely(_ plugin: String, timeout: Duration) async -> Result<Value?, any Error> {
        do {
            let request = try GetPluginConfigRequest(name: plugin).encoded()
            let bytes = try await channel.call(.getPluginConfig, request, timeout: timeout)
            return .success(try GetPluginConfigResponse(decoding: bytes).config?.value)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Failures

    func failure(_ error: PluginError) -> PluginAnswer {
        PluginAnswer(plugin: name, outcome: .failure(error))
    }

    func pluginError(of failure: SocketCallFailure, _ hook: HookName, _ limit: Duration) -> PluginError {
        let place = "plugin '\(name)' at \(target)"
        let (message, code): (String, String) =
            switch failure.kind {
            case .timeout:
                (
                    "\(place) did not answer at hook '\(hook)' within \(max(limit, .zero).secondsDescription); "
                        + "raise plugin_settings.plugin_timeout, or timeout of its entry, if it needs more",
                    PluginError.Code.timeout
                )
            case .cancelled: ("the call of \(place) was cancelled: \(failure)", PluginError.Code.cancelled)
            case .unavailable: ("\(place) cannot be called: \(failure)", PluginError.Code.unavailable)
            case .unknownThere: ("\(place) cannot be called: \(failure)", PluginError.Code.unavailable)
            case .tooLong: ("the call of \(place) failed: \(failure)", PluginError.Code.internalError)
            }
        return PluginError(message, pluginName: name, code: code, details: ["target": .string(target)])
    }
}
