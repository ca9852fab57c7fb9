// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Stands between a client and a server, and cuts the connections of both when a test wants it.
final class CuttingRelay: Sendable {
    private let channels = Mutex<[any Channel]>([])
    private let listener = Mutex<(any Channel)?>(nil)

    /// Relays to a port of this machine while the closure runs, which gets the port to connect to.
    static func with(
        to port: Int, _ body: @Sendable (CuttingRelay, Int) async throws -> Void
    ) async throws {
        let relay = CuttingRelay()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { inbound in relay.join(inbound, to: port) }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(relay, try #require(channel.localAddress?.port)))
        } catch {
            result = .failure(error)
        }
        try await channel.close()
        relay.cut()
        try result.get()
    }

    /// Closes all connections there are; those that come are relayed again.
    func cut() {
        let open = channels.withLock { channels in
            defer { channels = [] }
            return channels
        }
        for channel in open { channel.close(promise: nil) }
    }

    private func join(_ inbound: any Channel, to port: Int) -> EventLoopFuture<Void> {
        let loop = inbound.eventLoop
        return ClientBootstrap(group: loop)
            .channelInitializer { outbound in outbound.pipeline.addHandler(Passing(to: inbound)) }
            .connect(host: "127.0.0.1", port: port)
            .flatMap { [self] outbound in
                channels.withLock { $0 += [inbound, outbound] }
                return inbound.pipeline.addHandler(Passing(to: outbound))
            }
    }

    private final class Passing: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(to other: any Channel) {
            self.other = other
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            other.close(promise: nil)
        }
    }
}
