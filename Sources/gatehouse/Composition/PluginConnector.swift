// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import Logging
import MCPTransport
import NIOCore
import NIOPosix
import PluginFramework
import SocketTransport
import Sockets
import TransportSecurity

/// Makes the external plugins of a configuration, whatever transport each is reached by; entries with the same target share their
/// connections.
struct PluginConnector: Sendable {
    private let grpc: GRPCPluginConnector
    private let unixSocket: SocketPluginConnector
    private let mcp: MCPPluginConnector

    /// Makes a connector with what configuration says about each transport.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: Where connections live.
    ///   - tls: Keeps certificates in step with their files, if it is run; nil for a store that is not.
    init(
        _ settings: PluginServerSettings, eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        tls: TLSStore? = nil, logger: Logger
    ) {
        let budget = ByteBudget(limit: settings.process.memoryBudget)
        var channels = GRPCChannelConfiguration(settings.grpcClient)
        channels.callTimeout = settings.pipeline.pluginTimeout
        grpc = GRPCPluginConnector(
            configuration: channels, healthCheckInterval: settings.pipeline.healthCheckInterval,
            eventLoopGroup: eventLoopGroup, budget: budget,
            logger: logger, tls: tls)
        unixSocket = SocketPluginConnector(
            settings: settings.unixSocketClient, eventLoopGroup: eventLoopGroup, budget: budget, logger: logger)
        mcp = MCPPluginConnector(
            callTimeout: settings.pipeline.pluginTimeout, clientVersion: ProductVersion.current,
            eventLoopGroup: eventLoopGroup, budget: budget, logger: logger, tls: tls)
    }

    /// The plugin of an entry, which connects when it is started; nil for one of this process.
    ///
    /// - Throws: `SettingsError` with the key within the entry when it cannot be reached as it says.
    func plugin(for entry: PluginEntry) throws(SettingsError) -> (any ExternalPlugin)? {
        switch entry.external {
        case nil: nil
        case .grpc?: try grpc.invoker(for: entry)
        case .unixSocket?: try unixSocket.plugin(for: entry)
        case .mcp?: try mcp.plugin(for: entry)
        }
    }
}
