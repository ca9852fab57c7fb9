// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOPosix
import Sockets
import Testing

/// Far enough for whatever a test waits for.
var soon: NIODeadline { .now() + .seconds(120) }

/// Runs a client around `body`, and shuts it down.
func withClient<R>(
    budget: ByteBudget = ByteBudget(), configure: (inout HTTPClientConfiguration) -> Void = { _ in },
    _ body: (HTTPClient) async throws -> R
) async throws -> R {
    var configuration = HTTPClientConfiguration()
    configuration.idleTimeout = .seconds(60)
    configure(&configuration)
    let client = HTTPClient(
        configuration: configuration, eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: budget,
        logger: LogRecorder().logger)
    do {
        let result = try await body(client)
        await client.shutDown()
        return result
    } catch {
        await client.shutDown()
        throw error
    }
}

/// A server of plain bytes: for each connection a closure that reads and writes.
struct RawServer {
    let port: Int

    /// Reads until an empty line or a body given by `content-length` has come.
    final class Connection {
        private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        private var received = ""

        init(
            _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            iterator = inbound.makeAsyncIterator()
            self.outbound = outbound
        }

        /// The next request's head; nil when the client has closed.
        func head() async throws -> String? {
            while true {
                if let range = received.firstRange(of: headEnd) {
                    let head = String(received[..<range.upperBound])
                    received.removeSubrange(..<range.upperBound)
                    return head
                }
                guard let buffer = try await iterator.next(isolation: #isolation) else { return nil }
                received += String(buffer: buffer)
            }
        }

        func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }
    }

    static func with<R: Sendable>(
        _ serve: @escaping @Sendable (Int, Connection) async throws -> Void,
        _ body: @escaping @Sendable (RawServer) async throws -> R
    ) async throws -> R {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { connections in
            try await withThrowingTaskGroup(of: R?.self) { group in
                group.addTask { try await body(RawServer(port: channel.channel.localAddress?.port ?? 0)) }
                group.addTask {
                    await withTaskGroup(of: Void.self) { group in
                        var number = 0
                        do {
                            for try await connection in connections {
                                let count = number
                                number += 1
                                group.addTask {
                                    try? await connection.executeThenClose { inbound, outbound in
                                        try await serve(count, Connection(inbound, outbound))
                                    }
                                }
                            }
                        } catch {
                            // The test is over.
                        }
                        group.cancelAll()
                    }
                    return nil
                }
                while let result = try await group.next() {
                    if let result {
                        group.cancelAll()
                        return result
                    }
                }
                throw TestFailure("the server ended before the test")
            }
        }
    }

    func address(_ target: String = "/") -> HTTPAddress {
        HTTPAddress(origin: HTTPOrigin(host: "127.0.0.1", port: port), target: target)
    }
}

/// The code of the error that the body ends with.
func failure<R>(_ body: () async throws -> R) async -> HTTPClientError.Code? {
    let error = await #expect(throws: HTTPClientError.self) { _ = try await body() }
    return error?.code
}
