// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A connection of plain bytes.
struct RawConnection {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// A frame with its header.
    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        let length = [UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
        let id = [UInt8(stream >> 24), UInt8(stream >> 16 & 0xFF), UInt8(stream >> 8 & 0xFF), UInt8(stream & 0xFF)]
        return length + [type, flags] + id + payload
    }

    static func connect(port: Int) async throws -> RawConnection {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: false)
                    )
                }
            }
        return RawConnection(channel: channel)
    }

    /// Sends bytes and returns all that comes until the server closes.
    func exchange(_ parts: [[UInt8]], pause: Duration = .zero) async throws -> [UInt8] {
        try await channel.executeThenClose { inbound, outbound in
            // The server may close before it has read everything: then the rest need not be sent.
            for part in parts {
                do { try await outbound.write(ByteBuffer(bytes: part)) } catch { break }
                if pause > .zero { try await Task.sleep(for: pause) }
            }
            var all: [UInt8] = []
            do {
                for try await buffer in inbound { all += Array(buffer.readableBytesView) }
            } catch {
                // A reset is a close, too.
            }
            return all
        }
    }
}
