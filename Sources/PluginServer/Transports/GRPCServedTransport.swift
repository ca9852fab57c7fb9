// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import PluginConfiguration
import PluginFramework
import Sockets
import TransportSecurity

/// Plugins over gRPC, on TCP or a Unix socket.
struct GRPCServedTransport: ServedTransport {
    let transport = PluginServerTransport.grpc
    let warnings: [String]
    private let server: GRPCServer
    private let endpoint: PluginGRPCEndpoint

    /// Opens the socket.
    init(_ context: ServingContext) throws(ServingError) {
        let settings = context.settings.grpc
        let security = try context.security(settings.tls, for: .http2, place: "grpc_server_settings.tls")
        do {
            let endpoint = try PluginGRPCEndpoint(service: context.host, inlineLimit: settings.inlineLimit)
            let listener = try ListeningSocket.open(
                ListenAddress(host: settings.host, port: settings.port, socket: settings.socket))
            server = try GRPCServer(
                listeners: [listener], methods: endpoint.methods,
                configuration: GRPCServerConfiguration(settings, grace: context.settings.process.gracePeriod),
                eventLoopGroup: context.eventLoopGroup, budget: context.budget, logger: context.logger,
                prepareChannel: { try security?.prepare($0) },
                onListening: { context.onListening(.grpc, $0.map { "\($0)" }) },
                onDraining: {
                    context.draining()
                    endpoint.announceShutdown()
                })
            warnings = listener.warnings
            self.endpoint = endpoint
        } catch {
            throw ServingError(description: "cannot listen: \(error)", status: ExitStatus.failure)
        }
    }

    func publishHealth() async { await endpoint.publishHealth() }

    func followHealth() async { await endpoint.followHealth() }

    func run() async throws { try await server.run() }
}

extension ListenAddress {
    /// Where a server with such settings listens.
    init(host: String, port: Int, socket: SocketFileSettings?) {
        self = socket.map { .unix(UnixSocketSettings($0)) } ?? .tcp(host: host, port: port)
    }
}

extension UnixSocketSettings {
    /// What configuration says about a socket file.
    init(_ settings: SocketFileSettings) {
        self.init(path: settings.path, mode: settings.mode, group: settings.group)
    }
}
