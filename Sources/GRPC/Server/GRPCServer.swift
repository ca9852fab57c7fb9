// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import NIOPosix
import ServiceLifecycle
package import Sockets
import Synchronization

/// A gRPC server on any number of listening sockets.
///
/// `run()` serves until graceful shutdown: then it stops accepting, tells clients with GOAWAY, lets calls in flight end
/// for at most the grace period, closes what is left, and returns when the last handler has ended. Cancelling its task
/// skips the grace period.
package final class GRPCServer: Service {
    /// What a server is doing now.
    package struct Statistics: Sendable {
        /// Connections open.
        package var connections: Int
        /// Calls whose handler has not ended, streaming and cancelled ones included.
        package var callsInFlight: Int
        /// Calls started since the server was made.
        package var callsStarted: Int
    }

    /// How long handlers may take to end after their cancellation, before `run` returns without them.
    private static let cancellationPatience = TimeAmount.seconds(5)

    private let listeners: [ListeningSocket]
    private let eventLoopGroup: any EventLoopGroup
    private let state: ServerState
    private let onListening: @Sendable ([ListenAddress]) -> Void
    private let onDraining: @Sendable () -> Void
    private let prepareChannel: @Sendable (any Channel) throws -> Void

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - listeners: where to listen; closed when `run` returns.
    ///   - budget: of bytes in buffered messages, shared by all servers of the process.
    ///   - prepareChannel: called first for each accepted connection, to add handlers in front of HTTP/2, such as TLS.
    ///   - onListening: called once connections are accepted, with the addresses and the ports chosen.
    ///   - onDraining: called when shutdown begins, before the listening sockets close: to turn health not serving.
    /// - Throws: `GRPCServerError` when two methods have the same path.
    package init(
        listeners: [ListeningSocket],
        methods: [GRPCMethod],
        configuration: GRPCServerConfiguration = GRPCServerConfiguration(),
        eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget,
        logger: Logger,
        prepareChannel: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        onListening: @escaping @Sendable ([ListenAddress]) -> Void = { _ in },
        onDraining: @escaping @Sendable () -> Void = {}
    ) throws {
        self.listeners = listeners
        self.eventLoopGroup = eventLoopGroup
        self.prepareChannel = prepareChannel
        self.onListening = onListening
        self.onDraining = onDraining
        state = ServerState(
            methods: try MethodTable(methods),
            configuration: configuration,
            budget: budget,
            logger: logger
        )
    }

    /// What the server is doing now.
    package var statistics: Statistics {
        Statistics(
            connections: state.registry.count,
            callsInFlight: state.unaryCalls.load(ordering: .relaxed)
                + state.streamingCalls.load(ordering: .relaxed),
            callsStarted: state.callsStarted.load(ordering: .relaxed)
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
            throw GRPCServerError(
                code: .listenerFailed,
                message: "a listening socket of the gRPC server closed by itself; see the log, and start it again")
        }
    }

    private func stop(_ channels: [any Channel], graceful: Bool) async {
        for channel in channels { try? await channel.close() }
        for listener in listeners { listener.close() }
        for connection in state.registry.startDraining() {
            connection.eventLoop.execute { graceful ? connection.drain() : connection.closeNow() }
        }
        // Each connection closes itself when its grace is over; this is for handlers that do not heed cancellation.
        let grace = graceful ? TimeAmount(state.configuration.drainGrace) : .zero
        let giveUp = eventLoopGroup.next().scheduleTask(in: grace + Self.cancellationPatience) { [state] in
            for connection in state.registry.connections {
                state.logger.error(
                    "a handler of a gRPC call does not end although it is cancelled; going on without it",
                    metadata: ["peer": "\(connection.peer)"]
                )
            }
            state.registry.stopWaiting()
        }
        await state.registry.waitUntilEmpty()
        giveUp.cancel()
    }

    private func bootstrap() -> ServerBootstrap {
        let state = state
        let prepareChannel = prepareChannel
        return ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if channel.remoteAddress?.ipAddress != nil {
                        try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    }
                    let connection = ServerConnection(server: state, channel: channel)
                    guard state.registry.admit(connection) else {
                        state.logger.warning(
                            "refused a connection: \(GRPCServerConfiguration.key("max_connections")) is reached",
                            metadata: ["limit": "\(state.configuration.maxConnections)"]
                        )
                        throw ChannelError.ioOnClosedChannel
                    }
                    channel.closeFuture.whenComplete { _ in connection.channelClosed() }
                    try prepareChannel(channel)
                    try channel.pipeline.syncOperations.addHandler(PrefaceHandler(connection: connection))
                }
            }
    }
}
