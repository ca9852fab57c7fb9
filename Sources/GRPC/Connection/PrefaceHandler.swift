// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP2
import Sockets

/// Looks at the first bytes of a connection, lets HTTP/2 in, and tells everybody else what this port is for.
///
/// Removes itself once the preface is there, so that calls do not pass through it.
final class PrefaceHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// RFC 9113, section 3.4.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let connection: ServerConnection
    private var buffer = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isOver = false

    init(connection: ServerConnection) {
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let timeout = connection.server.configuration.handshakeTimeout
        let connection = connection
        timer = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            connection.logger.debug(
                "closed a connection that did not speak within \(timeout)",
                metadata: ["peer": "\(connection.peer)"]
            )
            connection.close()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var bytes = unwrapInboundIn(data)
        buffer.writeBuffer(&bytes)
        let seen = buffer.readableBytesView.prefix(Self.preface.count)
        guard seen.elementsEqual(Self.preface.prefix(seen.count)) else {
            isOver = true
            refuse(context)
            return
        }
        guard seen.count == Self.preface.count else { return }
        isOver = true
        do {
            try connection.install(after: self, context: context)
        } catch {
            context.fireErrorCaught(error)
            connection.close()
            return
        }
        context.fireChannelRead(wrapInboundOut(buffer))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    /// TLS, if there is any, says who the client is before the first byte comes.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let identity = event as? PeerIdentity { connection.peer.identity = identity }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.logger.debug("a connection failed before it spoke HTTP/2", metadata: connection.metadata(error))
        connection.close()
    }

    private func refuse(_ context: ChannelHandlerContext) {
        let start = Array(buffer.readableBytesView.prefix(16))
        let what: String
        if start.first == 0x16 {
            what = "TLS on a port without TLS"
        } else if start.allSatisfy({ $0 >= 0x20 && $0 < 0x7F || $0 == 0x0D || $0 == 0x0A }) {
            what = "HTTP/1 or another text protocol"
            let text = "This is a gRPC server: it speaks HTTP/2 (with prior knowledge) only.\n"
            let answer = """
                HTTP/1.1 505 HTTP Version Not Supported\r
                content-type: text/plain; charset=utf-8\r
                content-length: \(text.utf8.count)\r
                connection: close\r
                \r
                \(text)
                """
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        } else {
            what = "something that is not HTTP/2"
        }
        connection.logger.debug(
            "closed a connection that speaks \(what); this port is for gRPC",
            metadata: ["peer": "\(connection.peer)"]
        )
        connection.close()
    }

    typealias InboundOut = ByteBuffer
}

extension ServerConnection {
    /// Puts HTTP/2 into the pipeline.
    fileprivate func install(after handler: PrefaceHandler, context: ChannelHandlerContext) throws {
        let configuration = server.configuration
        var connectionSettings = NIOHTTP2Handler.ConnectionConfiguration()
        connectionSettings.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: configuration.maxConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maxHeaderListSize),
            HTTP2Setting(parameter: .initialWindowSize, value: configuration.streamWindowSize),
        ]
        // Received blocks are checked by `HeaderRules`, and those we send are our own.
        connectionSettings.headerBlockValidation = .disabled
        // Streams ended early by us, on which DATA may still be on its way.
        connectionSettings.maximumRecentlyResetStreams = max(1_024, configuration.maxConcurrentStreams)
        connectionSettings.maximumSequentialEmptyDataFrames = 1_000
        // The limits of NIOHTTP2 never relax and know nothing of calls; `AbuseGuard` judges instead. A window of no length
        // forgets every event at the next, and a small count keeps the history of events small.
        connectionSettings.maximumConnectionGlitches = .max
        connectionSettings.controlFrameRateLimit.maximumCount = 64
        connectionSettings.controlFrameRateLimit.windowLength = .nanoseconds(0)
        var streamSettings = NIOHTTP2Handler.StreamConfiguration()
        streamSettings.streamResetFrameRateLimit.maximumCount = 64
        streamSettings.streamResetFrameRateLimit.windowLength = .nanoseconds(0)
        streamSettings.streamErrorRateLimit.maximumCount = 64
        streamSettings.streamErrorRateLimit.windowLength = .nanoseconds(0)
        let codec = NIOHTTP2Codec(connectionWindow: configuration.connectionWindowSize, events: self)
        let http2 = NIOHTTP2Handler(
            mode: .server,
            frameDelegate: codec,
            connectionConfiguration: connectionSettings,
            streamConfiguration: streamSettings
        )
        self.codec = codec
        try context.pipeline.syncOperations.addHandlers([WriteCoalescer(), http2, codec], position: .after(handler))
    }
}
