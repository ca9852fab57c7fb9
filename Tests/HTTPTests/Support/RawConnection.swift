// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A connection of plain bytes.
struct RawConnection {
    private let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let channel: any Channel

    /// Connects, and closes at the end of `body`.
    static func with<R: Sendable>(
        port: Int, readAhead: Int = 16, _ body: (inout Reader, RawConnection) async throws -> R
    ) async throws -> R {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(
                            backPressureStrategy: .init(lowWatermark: 1, highWatermark: readAhead),
                            isOutboundHalfClosureEnabled: true)
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let connection = RawConnection(inbound: inbound, outbound: outbound, channel: channel.channel)
            var reader = Reader(iterator: inbound.makeAsyncIterator())
            return try await body(&reader, connection)
        }
    }

    /// Sends bytes and returns all that comes until the server closes.
    static func exchange(port: Int, _ parts: [String], pause: Duration = .zero) async throws -> String {
        try await with(port: port) { reader, connection in
            for part in parts {
                // The server may close before it has read everything: then the rest need not be sent.
                do { try await connection.send(part) } catch { break }
                if pause > .zero { try await Task.sleep(for: pause) }
            }
            return await reader.rest()
        }
    }

    func send(_ text: String) async throws {
        try await outbound.write(ByteBuffer(string: text))
    }

    /// Closes the sending side.
    func finish() {
        outbound.finish()
    }

    /// What the server sends.
    struct Reader {
        var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        var received = ""

        /// Reads until the text is there; what is behind it stays for the next read.
        mutating func until(_ text: String) async throws -> String {
            while true {
                if let range = received.firstRange(of: text) {
                    let found = String(received[..<range.upperBound])
                    received.removeSubrange(..<range.upperBound)
                    return found
                }
                guard let buffer = try await iterator.next(isolation: #isolation) else {
                    throw TestFailure("the server closed, after: \(received)")
                }
                received += String(buffer: buffer)
            }
        }

        /// Reads until the server closes.
        mutating func rest() async -> String {
            do {
                while let buffer = try await iterator.next(isolation: #isolation) { received += String(buffer: buffer) }
            } catch {
                // A reset is a close, too.
            }
            return received
        }
    }
}

/// The end of a head.
let headEnd = "\r\n\r\n"

/// A request of HTTP/1.1 with a body.
func post(_ path: String = "/echo", _ body: String = "hello", _ fields: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: test\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// A request of HTTP/1.1 without a body.
func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n"
}
