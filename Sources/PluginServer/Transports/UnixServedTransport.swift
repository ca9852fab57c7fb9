// SPDX-License-Identifier: Apache-2.0

import PluginConfiguration
import PluginFramework
import SocketTransport
import Sockets

/// Plugins over length-prefixed frames on a Unix socket.
struct UnixServedTransport: ServedTransport {
    let transport = PluginServerTransport.unix
    let warnings: [String]
    private let server: SocketServer

    /// Opens the socket.
    init(_ context: ServingContext) throws(ServingError) {
        let settings = context.settings.unixSocket
        do {
            let listener = try ListeningSocket.open(.unix(UnixSocketSettings(settings.socket)))
            server = SocketServer(
                listener: listener, service: context.host, settings: settings,
                grace: context.settings.process.gracePeriod, eventLoopGroup: context.eventLoopGroup,
                budget: context.budget, logger: context.logger,
                onListening: { context.onListening(.unix, $0.map { "\($0)" }) },
                onDraining: { context.draining() })
            warnings = listener.warnings
        } catch {
            throw ServingError(description: "cannot listen: \(error)", status: ExitStatus.failure)
        }
    }

    func run() async throws { try await server.run() }
}
