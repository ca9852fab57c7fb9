// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Sockets
import Testing

@Suite struct TCPListeningTests {
    @Test(arguments: ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"])
    func portZeroChoosesAPortThatAnswers(_ host: String) async throws {
        let listener = try ListeningSocket.open(.tcp(host: host, port: 0))
        let channels = try await listener.serve { echoBootstrap() }
        defer { for channel in channels { channel.close(promise: nil) } }
        #expect(channels.count == listener.addresses.count)
        for address in listener.addresses {
            guard case .tcp(let bound, let port) = address else {
                Issue.record("not a TCP address: \(address)")
                continue
            }
            #expect(port > 0)
            let target = bound == "0.0.0.0" ? "127.0.0.1" : bound == "::" ? "::1" : bound
            #expect(try await echo(host: target, port: port))
            // All addresses, so IPv4 as well.
            if bound == "::" { #expect(try await echo(host: "127.0.0.1", port: port)) }
        }
    }

    @Test func aSecondServerOnThePortIsRefused() throws {
        let first = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))
        guard case .tcp(_, let port) = first.addresses[0] else { return }
        let error = #expect(throws: SocketError.self) {
            try ListeningSocket.open(.tcp(host: "127.0.0.1", port: port))
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.message.contains("127.0.0.1:\(port)") == true)
        first.close()
        let second = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: port))
        second.close()
    }

    @Test(arguments: [("no-such-host.invalid", 0), ("", 0), ("127.0.0.1", 65_536), ("127.0.0.1", -1), ("192.0.2.1", 0)])
    func anAddressThatCannotBeIsInvalid(_ host: String, _ port: Int) {
        let error = #expect(throws: SocketError.self) { try ListeningSocket.open(.tcp(host: host, port: port)) }
        #expect(error?.code == .invalidAddress)
    }

    @Test func isServedOnce() async throws {
        let listener = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))
        let channels = try await listener.serve { echoBootstrap() }
        await #expect(throws: SocketError.self) { try await listener.serve { echoBootstrap() } }
        for channel in channels { try await channel.close() }
    }

    @Test func addressesAreWrittenAsOperatorsWriteThem() {
        #expect(ListenAddress.tcp(host: "127.0.0.1", port: 1).description == "127.0.0.1:1")
        #expect(ListenAddress.tcp(host: "::1", port: 1).description == "[::1]:1")
        #expect(ListenAddress.unix(UnixSocketSettings(path: "/a/b")).description == "unix:/a/b")
    }
}

func echoBootstrap() -> ServerBootstrap {
    ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
        }
}

private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(data, promise: nil)
    }
}

/// Whether a byte comes back.
func echo(host: String? = nil, port: Int = 0, path: String? = nil) async throws -> Bool {
    let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
    let wrap: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = { channel in
        channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
    }
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    if let path {
        channel = try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: wrap)
    } else {
        channel = try await bootstrap.connect(host: host ?? "127.0.0.1", port: port, channelInitializer: wrap)
    }
    return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(bytes: [42]))
        for try await buffer in inbound { return buffer == ByteBuffer(bytes: [42]) }
        return false
    }
}
