// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOPosix
import Synchronization

/// A server of single frames, so that tests decide what a client gets.
final class RawServer: Sendable {
    /// What came from a client.
    struct Event: Sendable {
        /// Counts connections from 0.
        let connection: Int
        /// The frame's type; nil for a connection that has just been accepted.
        let type: UInt8?
        let flags: UInt8
        let stream: UInt32
        let payload: [UInt8]

        /// Whether it ends a request.
        var endsRequest: Bool { (type == 0 || type == 1) && flags & 1 == 1 }
    }

    /// What goes back to it.
    struct Reply: Sendable {
        var bytes: [UInt8] = []
        var closes = false

        static let nothing = Reply()
        static func send(_ frames: [UInt8]...) -> Reply { Reply(bytes: frames.flatMap { $0 }) }
    }

    let port: Int
    private let channel: any Channel
    private let events: Mutex<[Event]>

    private init(port: Int, channel: any Channel, events: consuming sending [Event]) {
        self.port = port
        self.channel = channel
        self.events = Mutex(events)
    }

    var target: String { "127.0.0.1:\(port)" }

    /// Serves while a closure runs.
    static func with<R: Sendable>(
        settings: [UInt8]? = [],
        _ reply: @escaping @Sendable (Event) -> Reply,
        _ body: (RawServer) async throws -> R
    ) async throws -> R {
        let connections = Mutex(0)
        let box = EventBox()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = connections.withLock { count in
                        defer { count += 1 }
                        return count
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(number: number, settings: settings, reply: reply, box: box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = RawServer(port: channel.localAddress?.port ?? 0, channel: channel, events: [])
        box.server.withLock { $0 = server }
        defer { box.server.withLock { $0 = nil } }
        do {
            let result = try await body(server)
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// What came so far.
    var received: [Event] { events.withLock { $0 } }

    fileprivate func note(_ event: Event) { events.withLock { $0.append(event) } }

    // MARK: Frames

    /// A header block without compression, in one frame.
    static func headers(
        _ headers: [(String, String)], on stream: UInt32, endStream: Bool = false, endHeaders: Bool = true
    ) -> [UInt8] {
        RawConnection.frame(
            1, flags: (endStream ? 1 : 0) | (endHeaders ? 4 : 0), stream: stream, headers.flatMap { literal($0, $1) })
    }

    static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0x00] + integer(name.utf8.count) + Array(name.utf8) + integer(value.utf8.count) + Array(value.utf8)
    }

    /// RFC 7541, section 5.1, with a prefix of seven bits.
    private static func integer(_ value: Int) -> [UInt8] {
        guard value >= 127 else { return [UInt8(value)] }
        var rest = value - 127
        var bytes: [UInt8] = [127]
        while rest >= 128 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func begin(_ stream: UInt32, _ more: [(String, String)] = []) -> [UInt8] {
        headers([(":status", "200"), ("content-type", "application/grpc")] + more, on: stream)
    }

    static func data(_ message: [UInt8], flag: UInt8 = 0, on stream: UInt32, endStream: Bool = false) -> [UInt8] {
        RawConnection.frame(0, flags: endStream ? 1 : 0, stream: stream, prefixed(message, flag: flag))
    }

    static func prefixed(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        let count = UInt32(message.count)
        return [flag] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + message
    }

    static func end(_ stream: UInt32, status: String = "0", _ more: [(String, String)] = []) -> [UInt8] {
        headers([("grpc-status", status)] + more, on: stream, endStream: true)
    }

    static func reset(_ stream: UInt32, _ code: UInt8) -> [UInt8] {
        RawConnection.frame(3, stream: stream, [0, 0, 0, code])
    }

    static func goAway(last: UInt32, _ code: UInt8 = 0) -> [UInt8] {
        RawConnection.frame(7, [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: last >> $0) } + [0, 0, 0, code])
    }

    /// A whole answer of OK.
    static func answer(_ message: [UInt8], on stream: UInt32) -> [UInt8] {
        begin(stream) + data(message, on: stream) + end(stream)
    }

    private final class EventBox: Sendable {
        let server = Mutex<RawServer?>(nil)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let number: Int
        private let settings: [UInt8]?
        private let reply: @Sendable (Event) -> Reply
        private let box: EventBox
        private var buffer = ByteBuffer()
        private var sawPreface = false

        init(number: Int, settings: [UInt8]?, reply: @escaping @Sendable (Event) -> Reply, box: EventBox) {
            self.number = number
            self.settings = settings
            self.reply = reply
            self.box = box
        }

        func channelActive(context: ChannelHandlerContext) {
            handle(Event(connection: number, type: nil, flags: 0, stream: 0, payload: []), context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            buffer.writeBuffer(&bytes)
            if !sawPreface {
                guard buffer.readableBytes >= RawConnection.preface.count else { return }
                buffer.moveReaderIndex(forwardBy: RawConnection.preface.count)
                sawPreface = true
                if let settings { write(RawConnection.frame(4, settings), context) }
            }
            while let head = buffer.getBytes(at: buffer.readerIndex, length: 9) {
                let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
                guard buffer.readableBytes >= 9 + length else { break }
                buffer.moveReaderIndex(forwardBy: 9)
                let payload = buffer.readBytes(length: length) ?? []
                let stream = head[5...8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
                if head[3] == 4, head[4] & 1 == 0, settings != nil { write(RawConnection.frame(4, flags: 1), context) }
                handle(
                    Event(connection: number, type: head[3], flags: head[4], stream: stream, payload: payload), context)
            }
        }

        private func handle(_ event: Event, _ context: ChannelHandlerContext) {
            box.server.withLock { $0 }?.note(event)
            let reply = reply(event)
            write(reply.bytes, context)
            if reply.closes { context.close(promise: nil) }
        }

        private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
            guard !bytes.isEmpty else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
