// SPDX-License-Identifier: Apache-2.0

package import GRPC
package import Logging
package import NIOCore
package import PluginFramework
package import Sockets
import Synchronization
package import TransportSecurity

/// Makes the invokers of external plugins that are reached over gRPC; those with the same target and the same security share a
/// channel.
package final class GRPCPluginConnector: Sendable {
    /// What tells channels apart.
    private struct Key: Hashable {
        let target: GRPCTarget
        let security: String
    }

    private struct Shared {
        let channel: PluginChannel
        var users: Int
    }

    private let channels = Mutex<[Key: Shared]>([:])
    private let configuration: GRPCChannelConfiguration
    private let healthCheckInterval: Duration?
    private let eventLoopGroup: any EventLoopGroup
    private let budget: ByteBudget
    private let logger: Logger
    private let resolver: AddressResolver
    private let tls: TLSStore

    /// Makes a connector.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: where connections live.
    ///   - budget: of bytes in buffered messages, shared by all of the process.
    ///   - healthCheckInterval: how often servers are asked how their plugins are; nil or 0 for never.
    ///   - tls: keeps certificates in step with their files, if it is run; nil for a store of one's own that is not.
    package init(
        configuration: GRPCChannelConfiguration = GRPCChannelConfiguration(),
        healthCheckInterval: Duration? = nil,
        eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget,
        logger: Logger,
        tls: TLSStore? = nil,
        resolver: AddressResolver = .system
    ) {
        self.tls = tls ?? TLSStore(logger: logger)
        var configuration = configuration
        if configuration.breaker.healthFallbacks.isEmpty {
            configuration.breaker.healthFallbacks = PluginServiceMethods.healthPaths
        }
        self.configuration = configuration
        self.healthCheckInterval = healthCheckInterval.flatMap { $0 > .zero ? $0 : nil }
        self.eventLoopGroup = eventLoopGroup
        self.budget = budget
        self.logger = logger
        self.resolver = resolver
    }

    /// Makes the invoker of an external entry; it connects when it is started.
    ///
    /// - Throws: `SettingsError` with the key within the entry when its target is none, or it asks for what there is not.
    package func invoker(for entry: PluginEntry) throws(SettingsError) -> GRPCPluginInvoker {
        guard case .grpc(let settings)? = entry.external else {
            throw SettingsError(key: "grpc", "is not given; an external plugin over gRPC says there where it runs")
        }
        guard (settings.target == nil) != (settings.uds == nil) else {
            throw SettingsError(key: "grpc", "needs either target or uds; give one")
        }
        let target: GRPCTarget
        do throws(GRPCTargetError) {
            target =
                if let path = settings.uds {
                    try GRPCTarget(unixSocket: path)
                } else {
                    try GRPCTarget(settings.target ?? "")
                }
        } catch {
            throw SettingsError(key: settings.uds == nil ? "grpc.target" : "grpc.uds", error.message)
        }
        // Made even when there is a channel for it: what is wrong with the files is told for each entry.
        let security = try security(settings, of: entry)
        let key = Key(target: target, security: security.identity)
        let channel = channels.withLock { channels in
            let channel = channels[key]?.channel ?? makeChannel(target, security)
            channels[key, default: Shared(channel: channel, users: 0)].users += 1
            return channel
        }
        return GRPCPluginInvoker(
            entry: entry, channel: channel, callTimeout: configuration.callTimeout,
            healthCheckInterval: healthCheckInterval, logger: logger
        ) {
            await self.release(key)
        }
    }

    /// How connections are secured: with TLS if there is `tls`, and never without it then.
    private func security(
        _ settings: ExternalPluginSettings.GRPCTarget, of entry: PluginEntry
    ) throws(SettingsError) -> GRPCChannelSecurity {
        guard let tls = settings.tls else { return .plaintext }
        guard settings.uds == nil, settings.target?.utf8.starts(with: "unix:".utf8) != true else {
            throw SettingsError(
                key: "grpc.tls", "does not go with a Unix socket, which only its owner can reach; remove tls")
        }
        do throws(TLSSettingsError) {
            return .tls(try self.tls.client(tls, for: .http2, place: "plugin '\(entry.name)' grpc.tls"))
        } catch {
            throw SettingsError(key: "grpc.tls.\(error.key)", error.message)
        }
    }

    private func makeChannel(_ target: GRPCTarget, _ security: GRPCChannelSecurity) -> PluginChannel {
        PluginChannel(
            channel: GRPCChannel(
                target: target, configuration: configuration, security: security, eventLoopGroup: eventLoopGroup,
                budget: budget, logger: logger, resolver: resolver, exchange: PeerExchange.describe,
                carrier: configuration.multiplexesCalls ? PluginServiceMethods.carrier : nil))
    }

    /// An invoker needs its channel no more; the last one's is shut down.
    private func release(_ key: Key) async {
        let last = channels.withLock { channels -> PluginChannel? in
            guard var shared = channels[key] else { return nil }
            shared.users -= 1
            channels[key] = shared.users > 0 ? shared : nil
            return shared.users > 0 ? nil : shared.channel
        }
        await last?.channel.shutDown()
    }

    /// The channels there are, with how they are: for logs and health.
    package var statuses: [(target: String, status: GRPCChannelStatus)] {
        channels.withLock { $0.values.map(\.channel) }.map { ("\($0.channel.target)", $0.channel.status) }
    }
}
