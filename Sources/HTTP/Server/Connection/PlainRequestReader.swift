// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Reads ordinary requests in front of the general parser, and leaves the connection to it from the first one that is not.
///
/// The parser calls back for each piece of a head and goes three ways through the pipeline for a request; an ordinary head is read here
/// in one pass, and often is, byte for byte, the one before it, of which nothing needs to be read.
final class PlainRequestReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: HTTPServerConnection
    private var leavesToParser = false
    /// How many bytes of a body are still to come.
    private var bodyLeft = 0

    /// The last head that was read, and its bytes.
    private var lastHead: PlainRequestHead?
    private var lastBytes: [UInt8] = []

    init(_ connection: HTTPServerConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !leavesToParser else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        while bytes.readableBytes > 0 {
            if bodyLeft > 0 {
                guard let piece = bytes.readSlice(length: min(bodyLeft, bytes.readableBytes)) else { return }
                bodyLeft -= piece.readableBytes
                connection.received(piece, isLast: bodyLeft == 0)
            } else if let head = head(in: bytes) {
                bytes.moveReaderIndex(forwardBy: head.end)
                bodyLeft = head.contentLength
                connection.received(head)
            } else {
                leavesToParser = true
                return context.fireChannelRead(wrapInboundOut(bytes))
            }
        }
    }

    private func head(in bytes: ByteBuffer) -> PlainRequestHead? {
        bytes.withUnsafeReadableBytes { raw -> PlainRequestHead? in
            let bytes = raw.bindMemory(to: UInt8.self)
            if let lastHead, bytes.begin(with: lastBytes) { return lastHead }
            let configuration = connection.server.configuration
            guard let head = PlainRequestHead(bytes, maximumFields: configuration.maxHeaderCount),
                head.end <= configuration.maxHeaderSize, head.contentLength <= configuration.maxBodySize
            else { return nil }
            lastHead = head
            lastBytes.removeAll(keepingCapacity: true)
            lastBytes.append(contentsOf: bytes[..<head.end])
            return head
        }
    }

    // MARK: The end in the middle of a body, as the parser tells of it

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if bodyLeft > 0, case ChannelEvent.inputClosed? = event as? ChannelEvent { breakOff(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if bodyLeft > 0 { breakOff(context) }
        context.fireChannelInactive()
    }

    private func breakOff(_ context: ChannelHandlerContext) {
        bodyLeft = 0
        context.fireErrorCaught(HTTPParserError.invalidEOFState)
    }
}
