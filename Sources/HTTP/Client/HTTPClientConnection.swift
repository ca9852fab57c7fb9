// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Sockets

/// One connection of a client: one call at a time.
///
/// `@unchecked Sendable`: every variable is read and written on `eventLoop` only. What comes from elsewhere (calls,
/// cancellations) is brought there first.
final class HTTPClientConnection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// All that the parser of answers looks at of a request is whether its method is HEAD.
    private static let headMethod = HTTPClientRequestPart.head(
        HTTPRequestHead(version: .http1_1, method: .HEAD, uri: "/"))
    private static let otherMethod = HTTPClientRequestPart.head(
        HTTPRequestHead(version: .http1_1, method: .POST, uri: "/"))

    let channel: any Channel
    let eventLoop: any EventLoop
    private let connections: OriginConnections
    private var context: ChannelHandlerContext?
    private var bytes: PlainAnswerReader?

    private var call: HTTPClientCall?
    private(set) var isClosed = false
    /// Calls given to it before this one.
    private var served = 0
    /// The answer to the call has begun to arrive.
    private var hasAnswer = false
    /// The server keeps the connection open after this answer.
    private var staysOpen = false
    private var headIsNew = false
    private var readIsPending = false
    private var lastError: (any Error)?

    private var idleSince: NIODeadline
    private var timer: Scheduled<Void>?
    private var timerAt = NIODeadline.distantFuture

    init(channel: any Channel, connections: OriginConnections) {
        self.channel = channel
        self.connections = connections
        eventLoop = channel.eventLoop
        idleSince = .now()
    }

    /// Puts HTTP into the pipeline, behind what is there.
    func install() throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = connections.configuration.maxHeaderSize
        limits.maxHeaderListSize = connections.configuration.maxHeaderSize
        limits.maxHeaderFieldCount = connections.configuration.maxHeaderCount
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        let bytes = PlainAnswerReader(self, connections.configuration)
        self.bytes = bytes
        try channel.pipeline.syncOperations.addHandlers([bytes, ByteToMessageHandler(decoder), self])
    }

    @inline(__always)
    private func onLoop(_ action: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { action() } else { eventLoop.execute(action) }
    }

    // MARK: From any thread

    /// Sends a call; nobody else gives the connection one before it is idle again.
    func start(_ call: HTTPClientCall) { onLoop { self.send(call) } }

    /// The call has ended without us: its answer must not reach anybody.
    func abandoned(_ call: HTTPClientCall) {
        onLoop {
            guard self.call === call else { return }
            self.call = nil
            self.closeMidway()
        }
    }

    /// The reader of the body has made room.
    func resumeReading() {
        onLoop {
            guard self.readIsPending, self.call?.hasRoom != false, let context = self.context else { return }
            self.readIsPending = false
            context.read()
        }
    }

    func deadlineChanged() { onLoop { self.watchDeadline() } }

    /// Ends the connection if nobody uses it, or at once.
    func close(unlessBusy: Bool) {
        onLoop { if !unlessBusy || self.call == nil { self.close() } }
    }

    /// Ends the connection, and its call with an error.
    func end(_ error: HTTPClientError) { onLoop { self.fail(error) } }

    // MARK: Calls

    private func send(_ call: HTTPClientCall) {
        guard !isClosed, let bytes else {
            // It was chosen while it was being closed.
            return connections.lost(call, on: self)
        }
        guard call.assign(to: self) else { return connections.idle(self) }
        self.call = call
        hasAnswer = false
        // An answer to HEAD says how long a body is that it does not have.
        if call.method == .HEAD { bytes.leaveToParser() }
        if bytes.leavesToParser { tellParser() }
        bytes.send(call.bytes)
        if let body = call.longBody { bytes.send(body) }
        bytes.flush()
        watchDeadline()
    }

    /// Tells the parser of the request whose answer it is to read next; none when nobody waits for an answer.
    func tellParser() {
        guard let call else { return }
        context?.write(wrapOutboundOut(call.method == .HEAD ? Self.headMethod : Self.otherMethod), promise: nil)
    }

    private func completed() {
        guard let call else { return }
        free()
        call.completed()
    }

    /// The call has its answer, or is about to: the connection is for others.
    private func free() {
        call = nil
        headIsNew = false
        served += 1
        if staysOpen {
            idleSince = .now()
            armTimer(idleSince + TimeAmount(connections.configuration.idleTimeout))
            // First the connection, then the caller, whose next call may take it.
            connections.idle(self)
        } else {
            close()
        }
    }

    // MARK: Ordinary answers

    /// Whether a call waits for the beginning of its answer.
    var isWaiting: Bool { call != nil && !hasAnswer }

    /// An answer is there, whole.
    ///
    /// - Parameter isFollowed: whether the server goes on speaking, unasked: then nothing more is asked of it on this connection.
    func received(_ head: PlainAnswerHead, body: ByteBuffer, isFollowed: Bool) {
        guard let call else { return }
        hasAnswer = true
        guard call.received(head: (head.status, head.headers), body) else {
            return fail(.outOfMemory(call.origin, connections.budget))
        }
        staysOpen = !isFollowed
        free()
        call.completed()
    }

    /// The head of an answer is there.
    func received(_ head: PlainAnswerHead) {
        guard let call else { return }
        hasAnswer = true
        headIsNew = true
        staysOpen = true
        call.received(head: (head.status, head.headers))
    }

    /// A piece of the body of an answer is there.
    func received(_ piece: ByteBuffer, isLast: Bool, isFollowed: Bool) {
        guard let call else { return }
        guard call.received(piece) != nil else { return fail(.outOfMemory(call.origin, connections.budget)) }
        guard isLast else { return }
        staysOpen = !isFollowed
        completed()
    }

    private func fail(_ error: HTTPClientError) {
        let call = call.take()
        closeMidway()
        call?.fail(error)
    }

    /// Closes a connection whose answer nobody waits for any more, so that the server learns of it at once.
    ///
    /// An ordinary close looks to it like a client that has said all and still listens; a reset does not.
    private func closeMidway() {
        if !isClosed, connections.origin.unixSocket == nil, let provider = channel as? any SocketOptionProvider {
            provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)).assumeIsolated().whenFailure { _ in }
        }
        close()
    }

    private func close() {
        guard !isClosed else { return }
        isClosed = true
        timer?.cancel()
        connections.remove(self)
        channel.close(promise: nil)
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        bytes = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let call else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            hasAnswer = true
            headIsNew = true
            staysOpen = head.isKeepAlive && head.status != .switchingProtocols
            call.received(head: (head.status, head.headers))
        case .body(let bytes):
            if call.received(bytes) == nil {
                fail(.outOfMemory(call.origin, connections.budget))
            }
        case .end:
            completed()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard headIsNew else { return }
        // Not before: an answer that is whole by now has been delivered as one.
        headIsNew = false
        call?.announce()
    }

    func read(context: ChannelHandlerContext) {
        if call?.hasRoom != false { context.read() } else { readIsPending = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            fail(
                HTTPClientError(
                    .tooLarge,
                    "the header fields of an answer of \(connections.origin) are over the limit of "
                        + "\(connections.configuration.maxHeaderSize) bytes and "
                        + "\(connections.configuration.maxHeaderCount) fields"))
        case HTTPParserError.invalidEOFState:
            // The end of the channel is about to say the same.
            break
        case is HTTPParserError, is NIOHTTPDecoderError:
            fail(
                HTTPClientError(
                    .malformedAnswer,
                    "what \(connections.origin) sends is no answer of HTTP/1.1 (\(error)); check the address, and whether it "
                        + "needs https"))
        default:
            lastError = error
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let call = call.take()
        close()
        guard let call else { return }
        // A server closes connections that nobody uses, and may do so just when we use one again.
        if served > 0, !hasAnswer, call.isIdempotent {
            call.unassign()
            connections.lost(call, on: self)
            return
        }
        let cause = lastError.map { " (\(ConnectionFailure.reason($0)))" } ?? ""
        if served == 0, !hasAnswer, let lastError, !(lastError is IOError), !(lastError is ChannelError) {
            // Handlers in front of HTTP have refused the connection, such as TLS for a certificate.
            call.fail(
                HTTPClientError(
                    .unreachable, "\(connections.origin) cannot be reached safely\(cause); check certificates"))
        } else {
            let when = hasAnswer ? "in the middle of its answer" : "without an answer"
            call.fail(
                HTTPClientError(
                    .connectionLost, "\(connections.origin) closed the connection \(when)\(cause); see the server's log"
                ))
        }
    }

    // MARK: Time

    private func watchDeadline() {
        if let deadline = call?.deadline { armTimer(deadline) }
    }

    private func armTimer(_ deadline: NIODeadline) {
        guard deadline < timerAt, !isClosed else { return }
        timer?.cancel()
        timerAt = deadline
        timer = eventLoop.scheduleTask(deadline: deadline) { self.checkTimes() }
    }

    /// One timer for the deadlines of all calls, one after the other, and for the time between them.
    private func checkTimes() {
        timerAt = .distantFuture
        let now = NIODeadline.now()
        if let call {
            if let deadline = call.deadline, deadline <= now {
                fail(.deadlineExceeded(call.origin))
            } else {
                watchDeadline()
            }
            return
        }
        let end = idleSince + TimeAmount(connections.configuration.idleTimeout)
        if end <= now { connections.retire(self) } else { armTimer(end) }
    }
}
