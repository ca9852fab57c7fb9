// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// What stands between a client's connection and its bytes: requests go out past the parser, and ordinary answers come in past it.
///
/// From the first answer that is not ordinary the connection is left to the general parser. That has to know of a request before
/// its answer, and of a request only whether its method is HEAD.
final class PlainAnswerReader: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    private let connection: HTTPClientConnection
    private let maximumFields: Int
    private let maximumSize: Int
    private var context: ChannelHandlerContext?
    /// Whether the parser reads what comes.
    private(set) var leavesToParser = false
    /// How many bytes of a body are still to come.
    private var bodyLeft = 0

    /// The last head that was read, and its bytes: the next is often the same.
    private var lastHead: PlainAnswerHead?
    private var lastBytes: [UInt8] = []

    init(_ connection: HTTPClientConnection, _ configuration: HTTPClientConfiguration) {
        self.connection = connection
        maximumFields = configuration.maxHeaderCount
        maximumSize = configuration.maxHeaderSize
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: Requests

    /// Has the parser read the answers from now on.
    func leaveToParser() { leavesToParser = true }

    /// Sends bytes of a request.
    func send(_ bytes: ByteBuffer) { context?.write(wrapOutboundOut(bytes), promise: nil) }

    func flush() { context?.flush() }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Only what the parser is told comes this way: it is not sent.
        promise?.succeed()
    }

    // MARK: Answers

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !leavesToParser else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        if bodyLeft == 0 {
            guard connection.isWaiting, let head = head(in: bytes) else {
                leavesToParser = true
                connection.tellParser()
                return context.fireChannelRead(data)
            }
            bytes.moveReaderIndex(forwardBy: head.end)
            if let body = bytes.readSlice(length: head.contentLength) {
                return connection.received(head, body: body, isFollowed: bytes.readableBytes > 0)
            }
            bodyLeft = head.contentLength
            connection.received(head)
        }
        guard let piece = bytes.readSlice(length: min(bodyLeft, bytes.readableBytes)), piece.readableBytes > 0 else {
            return
        }
        bodyLeft -= piece.readableBytes
        connection.received(piece, isLast: bodyLeft == 0, isFollowed: bytes.readableBytes > 0)
    }

    private func head(in bytes: ByteBuffer) -> PlainAnswerHead? {
        bytes.withUnsafeReadableBytes { raw -> PlainAnswerHead? in
            let bytes = raw.bindMemory(to: UInt8.self)
            if let lastHead, bytes.begin(with: lastBytes) { return lastHead }
            guard let head = PlainAnswerHead(bytes, maximumFields: maximumFields), head.end <= maximumSize else {
                return nil
            }
            lastHead = head
            lastBytes.removeAll(keepingCapacity: true)
            lastBytes.append(contentsOf: bytes[..<head.end])
            return head
        }
    }
}
