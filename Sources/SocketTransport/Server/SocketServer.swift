// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import NIOPosix
package import PluginFramework
package import PluginWire
import ServiceLifecycle
package import Sockets
import Synchronization

/// Plugins over length-prefixed frames on a Unix socket, as ContextForge's raw socket server serves them.
///
/// `run()` serves until graceful shutdown: then it stops accepting, lets calls in flight end for at most the grace period, closes
/// what is left, and returns when the last call has ended. Cancelling its task skips the grace period.
package final class SocketServer: Service {
    /// How long calls may take to end after their cancellation, before `run` returns without them.
    private static let cancellationPatience = TimeAmount.seconds(5)

    private let listener: ListeningSocket
    private let eventLoopGroup: any EventLoopGroup
    private let state: SocketServerState
    private let onListening: @Sendable ([ListenAddress]) -> Void
    private let onDraining: @Sendable () -> Void

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - listener: Where to listen; closed when `run` returns.
    ///   - service: What answers.
    ///   - features: What is offered to peers of ours; without any it is a server as ContextForge's.
    ///   - grace: How long calls in flight may go on while the server drains.
    ///   - budget: Of bytes in buffered messages, shared by all servers of the process.
    ///   - onListening: Called once connections are accepted.
    ///   - onDraining: Called when shutdown begins, before the listening socket closes.
    package init(
        listener: ListeningSocket,
        service: any PluginService,
        settings: UnixSocketServerSettings = UnixSocketServerSettings(),
        features: WireFeatures = .overSocket,
        grace: Duration = .seconds(10),
        eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget,
        logger: Logger,
        onListening: @escaping @Sendable ([ListenAddress]) -> Void = { _ in },
        onDraining: @escaping @Sendable () -> Void = {}
    ) {
        self.listener = listener
        self.eventLoopGroup = eventLoopGroup
        self.onListening = onListening
        self.onDraining = onDraining
        state = SocketServerState(
            service: service, settings: settings, features: features, grace: grace, budget: budget, logger: logger)
    }

    /// The connections open now.
    package var connectionCount: Int { state.registry.count }

    /// Calls whose plugin has not returned, cancelled ones included.
    package var callsInFlight: Int { state.callsInFlight.load(ordering: .relaxed) }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: When the listening socket cannot be served, or fails later.
    package func run() async throws {
        defer { listener.close() }
        let channels = try await listener.serve { bootstrap() }
        onListening(listener.addresses)
        let hasFailed = await ChannelEnd.comesBeforeShutdown(of: channels)
        onDraining()
        await stop(channels, graceful: !Task.isCancelled && !hasFailed)
        if hasFailed {
            throw SocketError(
                code: .systemFailure,
                message:
                    "the listening socket of the raw socket server closed by itself; see the log, and start it again")
        }
    }

    private func stop(_ channels: [any Channel], graceful: Bool) async {
        for channel in channels { try? await channel.close() }
        listener.close()
        for connection in state.registry.startDraining() {
            connection.eventLoop.execute { graceful ? connection.drain() : connection.closeNow() }
        }
        // Each connection closes itself when its grace is over; this is for plugins that do not heed cancellation.
        let grace = graceful ? TimeAmount(state.grace) : .zero
        let giveUp = eventLoopGroup.next().scheduleTask(in: grace + Self.cancellationPatience) { [state] in
            for connection in state.registry.connections {
                state.logger.error(
                    "a plugin's call does not end although it is cancelled; going on without it",
                    metadata: ["peer": "\(connection.peer)"])
            }
            state.registry.stopWaiting()
        }
        await state.registry.waitUntilEmpty()
        giveUp.cancel()
    }

    private func bootstrap() -> ServerBootstrap {
        let state = state
        return ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            // When to read is for the connection to say; and who sends no more may still wait for its answers.
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                PeerCredentials.of(channel).flatMapThrowing { peer in
                    let connection = SocketServerConnection(server: state, channel: channel, peer: peer)
                    try state.admit(connection)
                    channel.closeFuture.whenComplete { _ in connection.channelClosed() }
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
    }
}
