// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets
import NIOHTTP1

/// One connection of a server: requests as they arrive on one side, answers in the same order on the other.
///
/// One request is with the responder at a time; whole ones behind it wait here, and while many wait, nothing is read.
///
/// `@unchecked Sendable`: every variable is read and written on `eventLoop` only. What comes from elsewhere (answers,
/// shutdown) is brought there first.
final class HTTPServerConnection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// Told to end: nothing is served or read any more, what is written goes out.
        case closing
        case closed
    }

    /// What the head of a request says, whoever has read it.
    struct Head {
        let method: HTTPMethod
        let version: HTTPVersion
        let target: String
        let headers: HTTPHeaders
        /// Whether the client can ask more on the connection.
        let keepAlive: Bool
        /// What responders found out from the same head before; nil for one that the parser has read.
        var notes: HTTPHeadNotes?
    }

    /// A request whose body is arriving.
    struct Incoming {
        let head: Head
        /// Nothing can be read from the connection after it.
        let isLast: Bool
        var body = ByteBuffer()
        /// The client waits for 100 and has not got it.
        var owesContinue: Bool
    }

    /// What waits for its turn.
    enum Waiting {
        case request(Head, body: ByteBuffer)
        case refusal(RequestRefusal)
    }

    /// The request that is being answered.
    struct Current {
        let number: UInt64
        let method: HTTPMethod
        let version: HTTPVersion
        let keepAlive: Bool
        /// Bytes of its body, taken from the budget.
        let reserved: Int
        var isStream = false
        /// A client that closes its sending side has gone.
        var endsWithInput = false
        var isChunked = false
        weak var stream: HTTPResponseStream?
        var closeActions: [@Sendable () -> Void] = []
    }

    let server: HTTPServerState
    let channel: any Channel
    let eventLoop: any EventLoop
    let peer: HTTPPeer
    var context: ChannelHandlerContext?
    var phase = Phase.open

    var incoming: Incoming?
    var waiting = CircularBuffer<Waiting>()
    var current: Current?
    var lastNumber: UInt64 = 0
    /// The request that was being answered when the client went away.
    var lostNumber: UInt64 = 0
    /// What arrives is not looked at any more: the last request is there, or a bad one.
    var isDeaf = false
    /// The client has closed its sending side.
    var inputIsClosed = false
    /// Our sending side is closed, and all that was written is gone.
    var outputIsClosed = false
    /// The responder is being called: the caller goes on with what waits.
    var isServing = false

    /// What is written and not yet handed to the channel.
    var outgoing = ByteBuffer()
    /// Handed to the channel since its last flush.
    var needsFlush = false
    var isReading = false
    var readIsPending = false
    var partsInBurst = 0

    var lastActivity: NIODeadline
    /// When the request that is arriving began to.
    var receivingSince: NIODeadline?
    /// Since when the client takes nothing of what is to be sent.
    var stalledSince: NIODeadline?
    var drainDeadline: NIODeadline?
    var timer: Scheduled<Void>?
    var timerAt = NIODeadline.distantFuture

    init(server: HTTPServerState, channel: any Channel, peer: HTTPPeer) {
        self.server = server
        self.channel = channel
        self.peer = peer
        eventLoop = channel.eventLoop
        lastActivity = .now()
    }

    /// Puts HTTP into the pipeline, behind what is there.
    func install(in channel: any Channel) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = server.configuration.maxHeaderSize
        limits.maxHeaderListSize = server.configuration.maxHeaderSize
        limits.maxHeaderFieldCount = server.configuration.maxHeaderCount
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        try channel.pipeline.syncOperations.addHandlers([
            PlainRequestReader(self), ByteToMessageHandler(decoder), self,
        ])
    }

    /// Runs on the event loop: now when this is it, else soon.
    @inline(__always)
    func onLoop(_ action: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { action() } else { eventLoop.execute(action) }
    }

    var metadata: Logger.Metadata { ["peer": "\(peer)"] }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armTimer(lastActivity + TimeAmount(server.configuration.idleTimeout))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard takes() else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): received(head)
        case .body(let bytes): received(bytes)
        // What trailers say is of no use to any responder.
        case .end: receivedEnd()
        }
    }

    /// Notes that part of a request is there; false when it is not looked at any more.
    func takes() -> Bool {
        isReading = true
        partsInBurst += 1
        return phase == .open && !isDeaf
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        if partsInBurst > 0 {
            partsInBurst = 0
            lastActivity = .now()
            if incoming != nil, receivingSince == nil { receivingSince = lastActivity }
        } else if receivingSince == nil, phase == .open, !isDeaf {
            // Bytes of a head that is not whole.
            receivingSince = .now()
        }
        if let receivingSince { armTimer(receivingSince + TimeAmount(server.configuration.requestTimeout)) }
        flush()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { readIsPending = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stalledSince = nil
            serveWaiting()
            if !isReading { flush() }
        } else {
            let now = NIODeadline.now()
            stalledSince = now
            armTimer(now + TimeAmount(server.configuration.answerTimeout))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { inputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard phase == .open, !isDeaf else { return }
        if error is HTTPParserError {
            refuse(.unparsable(error, server.configuration))
        } else {
            server.logger.debug("an HTTP connection failed", metadata: metadata.merging(["error": "\(error)"]) { $1 })
            closeNow()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandon()
    }

    /// Whether there is room for more of what the client sends.
    var mayRead: Bool {
        phase != .open || isDeaf
            || waiting.count < server.configuration.maxPipelinedRequests && channel.isWritable
    }

    func resumeReading() {
        guard readIsPending, mayRead, let context else { return }
        readIsPending = false
        context.read()
    }
}
