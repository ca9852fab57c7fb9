// SPDX-License-Identifier: Apache-2.0

package import GRPC
import Logging
import NIOCore
package import PluginFramework
import PluginWire
import Values

/// Runs one external plugin on a plugin server over gRPC, ours or ContextForge's.
///
/// Before it is used it is started: it connects and asks the server for the plugin's configuration. A server that is down then, or
/// does not have the plugin, is asked again and again; until it answers, every call ends with an error that says so.
package final class GRPCPluginInvoker: ExternalPlugin, PluginChainInvoker {
    let channel: PluginChannel
    let callTimeout: Duration
    /// Whether it can be called, and what its server says of it.
    package let admission: PluginAdmission
    private let healthWatch: PluginHealthWatch?
    private let release: @Sendable () async -> Void

    init(
        entry: PluginEntry, channel: PluginChannel, callTimeout: Duration, healthCheckInterval: Duration?,
        logger: Logger, release: @escaping @Sendable () async -> Void
    ) {
        var watchLogger = logger
        watchLogger[metadataKey: "plugin"] = "\(entry.name)"
        watchLogger[metadataKey: "target"] = "\(channel.channel.target)"
        healthWatch = healthCheckInterval.map { PluginHealthWatch(every: $0, logger: watchLogger) }
        admission = PluginAdmission(
            entry: entry, target: "\(channel.channel.target)", transport: "gRPC", logger: logger)
        self.channel = channel
        self.callTimeout = entry.timeout ?? callTimeout
        self.release = release
    }

    /// The plugin's name as it is configured here; read where it stands, because a copy of the entry would count each of its parts.
    var name: String { admission.local.name }

    /// How the way there is.
    package var channelStatus: GRPCChannelStatus { channel.channel.status }

    // MARK: Starting

    /// Connects, and returns when the plugin can be called or it is known that it cannot yet be; after `patience` in any case.
    ///
    /// A plugin that is down is admitted as soon as it answers.
    package func start(patience: Duration) async {
        let channel = channel
        healthWatch?.start { [weak self] in await self?.ask() }
        await admission.start(patience: patience) { [weak self] in
            channel.channel.connect()
            for await status in channel.channel.statusUpdates() {
                guard let self, !Task.isCancelled else { return }
                await self.follow(status)
            }
        }
    }

    /// Takes no more calls, and lets go of the channel.
    package func shutDown() async {
        guard admission.shutDown() else { return }
        healthWatch?.stop()
        await release()
    }

    private func follow(_ status: GRPCChannelStatus) async {
        switch status.connectivity {
        case .idle, .connecting, .shutDown:
            break
        case .transientFailure:
            admission.suspend("the server at \(target) cannot be reached: \(status.failure ?? "no connection")")
        case .ready:
            await admission.fetch(status.generation) {
                channel.channel.status.connectivity == .ready
            } describe: {
                await describeRemotely(name, timeout: .seconds(5))
            }
        }
    }

    /// Asks the server how the plugin is; nil while it is known that it cannot be called.
    private func ask() async -> Bool? {
        guard let admitted, channelStatus.isServing else { return nil }
        return await channel.channel.isServing(admitted.name, timeout: Self.healthTimeout)
    }

    private static let healthTimeout = Duration.seconds(5)

    /// What the server said of the plugin's health when it was last asked; true until it was.
    var isHealthy: Bool { healthWatch?.isServing ?? true }

    // MARK: Looking

    /// What the server said of the plugin; nil before it did.
    var admitted: PluginAdmission.Admitted? { admission.admitted }

    /// What a call ends with that finds the plugin down.
    var downError: PluginError { admission.downError }

}
