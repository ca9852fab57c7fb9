// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import NIOPosix
import ServiceLifecycle
package import Sockets
import Synchronization

/// An HTTP/1.1 server on any number of listening sockets.
///
/// `run()` serves until graceful shutdown: then it stops accepting, lets requests that have begun be answered for at most
/// the grace period, with `connection: close`, closes what is left, and returns when the last connection is closed.
/// Cancelling its task skips the grace period.
package final class HTTPServer: Service {
    /// What a server is doing now.
    package struct Statistics: Sendable {
        /// Connections open.
        package var connections: Int
        /// Requests that are being answered, streams not among them.
        package var requestsInFlight: Int
        /// Requests since the server was made.
        package var requestsStarted: Int
        /// Streamed answers that have begun and not ended.
        package var openStreams: Int
    }

    private let listeners: [ListeningSocket]
    private let eventLoopGroup: any EventLoopGroup
    private let state: HTTPServerState
    private let security: HTTPServerSecurity
    private let onListening: @Sendable ([ListenAddress]) -> Void
    private let onDraining: @Sendable () -> Void

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - listeners: where to listen; closed when `run` returns.
    ///   - budget: of bytes in buffered messages, shared by all servers of the process.
    ///   - onListening: called once connections are accepted, with the addresses and the ports chosen.
    ///   - onDraining: called when shutdown begins, before the listening sockets close: to turn health not serving and to
    ///     end streams, which would otherwise last until the grace period is over.
    package init(
        listeners: [ListeningSocket],
        responder: any HTTPResponder,
        configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        security: HTTPServerSecurity = .plaintext,
        eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget,
        logger: Logger,
        onListening: @escaping @Sendable ([ListenAddress]) -> Void = { _ in },
        onDraining: @escaping @Sendable () -> Void = {}
    ) {
        self.listeners = listeners
        self.eventLoopGroup = eventLoopGroup
        self.security = security
        self.onListening = onListening
        self.onDraining = onDraining
        state = HTTPServerState(responder: responder, configuration: configuration, budget: budget, logger: logger)
    }

    /// What the server is doing now.
    package var statistics: Statistics {
        Statistics(
            connections: state.connections.count,
            requestsInFlight: state.requestsInFlight.load(ordering: .relaxed),
            requestsStarted: state.requestsStarted.load(ordering: .relaxed),
            openStreams: state.openStreams.load(ordering: .relaxed)
        )
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: when a listening socket cannot be served, or fails later.
    package func run() async throws {
        defer { for listener in listeners { listener.close() } }
        var channels: [any Channel] = []
        do {
            for listener in listeners {
                channels += try await listener.serve { bootstrap() }
            }
        } catch {
            for channel in channels { try? await channel.close() }
            throw error
        }
        onListening(listeners.flatMap(\.addresses))
        let hasFailed = await ChannelEnd.comesBeforeShutdown(of: channels)
        onDraining()
        await stop(channels, graceful: !Task.isCancelled && !hasFailed)
        if hasFailed {
            throw SocketError(
                code: .systemFailure,
                message: "a listening socket of the HTTP server closed by itself; see the log, and start it again")
        }
    }

    private func stop(_ channels: [any Channel], graceful: Bool) async {
        for channel in channels { try? await channel.close() }
        for listener in listeners { listener.close() }
        for connection in state.connections.startDraining() {
            connection.eventLoop.execute { graceful ? connection.drain() : connection.closeNow() }
        }
        await state.connections.waitUntilEmpty()
    }

    private func bootstrap() -> ServerBootstrap {
        let state = state
        let security = security
        return ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if channel.remoteAddress?.ipAddress != nil {
                        try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    }
                    let connection = HTTPServerConnection(
                        server: state, channel: channel, peer: HTTPPeer(of: channel))
                    guard state.connections.admit(connection) else {
                        state.logger.warning(
                            "refused a connection: \(state.configuration.key("max_connections")) is reached",
                            metadata: ["limit": "\(state.configuration.maxConnections)"]
                        )
                        throw ChannelError.ioOnClosedChannel
                    }
                    channel.closeFuture.whenComplete { _ in connection.channelClosed() }
                    try security.prepareChannel(channel, connection.peer)
                    try connection.install(in: channel)
                }
            }
    }
}
