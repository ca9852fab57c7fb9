// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets
import Synchronization
import NIOHTTP1

/// How answers leave.
extension HTTPServerConnection {
    /// Bodies longer than this are handed to the channel as they are; shorter ones are copied behind their head.
    private static let copyLimit = 16 << 10

    /// The answer to the request that is being answered; one that is not any more is lost.
    func answer(_ number: UInt64, with response: HTTPServerResponse) {
        guard let request = current, request.number == number, !request.isStream else { return }
        let keepAlive = staysOpen(after: request)
        write(response, to: request.method, version: request.version, keepAlive: keepAlive)
        finish(request, keepAlive: keepAlive)
    }

    /// The responder let go of the exchange without an answer.
    func unanswered(_ number: UInt64) {
        guard current?.number == number else { return }
        server.logger.error("a request of HTTP was dropped without an answer", metadata: metadata)
        answer(number, with: .text(.internalServerError, "the server has no answer; see its log"))
    }

    func answeredTwice() {
        server.logger.error("a request of HTTP was answered twice; the second answer is dropped", metadata: metadata)
    }

    func beginStream(
        _ stream: HTTPResponseStream, _ number: UInt64, status: HTTPResponseStatus, headers: HTTPHeaders
    ) {
        guard let request = current, request.number == number else {
            stream.closed()
            return
        }
        guard ResponseHead.isValid(status, headers) else {
            stream.closed()
            answer(number, with: invalidAnswer(status, headers))
            return
        }
        let isChunked = request.version == .http1_1
        ResponseHead.write(
            status, headers, framing: isChunked ? .chunked : .untilClose,
            keepAlive: isChunked && staysOpen(after: request), version: request.version, into: &outgoing)
        guard request.method != .HEAD else {
            stream.closed()
            finish(request, keepAlive: isChunked && staysOpen(after: request))
            return
        }
        server.endRequest()
        server.openStreams.wrappingAdd(1, ordering: .relaxed)
        current?.isStream = true
        current?.isChunked = isChunked
        current?.stream = stream
        stream.begin()
        if !isReading { flush() }
    }

    /// Whether pieces of the stream can be written.
    func isStreaming(_ number: UInt64) -> Bool { current?.number == number && current?.isStream == true }

    /// Writes a piece of a stream; `done` is called when the socket has taken it, or never will.
    func writePiece(_ bytes: ByteBuffer, _ number: UInt64, isLast: Bool, done: @escaping @Sendable () -> Void) {
        guard let request = current, request.number == number, phase == .open else {
            done()
            return
        }
        if request.isChunked {
            outgoing.writeChunk(bytes)
            if isLast { outgoing.writeStaticString("0\r\n\r\n") }
        } else {
            outgoing.writeImmutableBuffer(bytes)
        }
        if outgoing.readableBytes > 0 {
            let promise = eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in done() }
            handOver(promise)
        } else {
            done()
        }
        if isLast {
            finish(request, keepAlive: request.isChunked && staysOpen(after: request))
        } else if !isReading {
            flush()
        }
    }

    /// A stream ends in the middle: only a closed connection can tell the client.
    func abandonStream(_ number: UInt64) {
        guard isStreaming(number) else { return }
        closeNow()
    }

    func whenClosed(_ number: UInt64, orEndOfInput endOfInput: Bool, _ action: @escaping @Sendable () -> Void) {
        if current?.number == number {
            current?.closeActions.append(action)
            guard endOfInput else { return }
            current?.endsWithInput = true
            if inputIsClosed, phase == .open { closeNow() }
        } else if lostNumber == number {
            action()
        }
    }

    /// Writes an answer behind what is written.
    func write(_ response: HTTPServerResponse, to method: HTTPMethod, version: HTTPVersion, keepAlive: Bool) {
        guard ResponseHead.isValid(response.status, response.headers) else {
            write(
                invalidAnswer(response.status, response.headers), to: method, version: version, keepAlive: keepAlive)
            return
        }
        let length = response.body.readableBytes
        let hasBody = response.status != .noContent && response.status != .notModified
        ResponseHead.write(
            response.status, response.headers, framing: hasBody ? .length(length) : .noBody, keepAlive: keepAlive,
            version: version, into: &outgoing)
        guard hasBody, method != .HEAD, length > 0 else { return }
        if length <= Self.copyLimit {
            outgoing.writeImmutableBuffer(response.body)
            return
        }
        handOver(nil)
        // Small answers are bounded by the number of connections; large ones are counted until the socket has them.
        guard server.budget.reserve(length) else {
            server.logger.error("no memory is left for an answer of \(length) bytes", metadata: metadata)
            closeNow()
            return
        }
        let budget = server.budget
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in budget.release(length) }
        guard let context else {
            promise.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(response.body), promise: promise)
        needsFlush = true
    }

    private func invalidAnswer(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) -> HTTPServerResponse {
        let names = headers.lazy.map(\.name).joined(separator: ", ")
        server.logger.error(
            "an answer has a status or header field that HTTP does not allow; 500 is sent in its place",
            metadata: ["peer": "\(peer)", "status": "\(status.code)", "fields": "\(names)"])
        return .text(.internalServerError, "the server has an answer that it cannot send; see its log")
    }

    /// Whether the connection can be used for another request after this one.
    private func staysOpen(after request: Current) -> Bool {
        guard request.keepAlive else { return false }
        let isLast = waiting.isEmpty && incoming == nil
        return !(isLast && (inputIsClosed || drainDeadline != nil))
    }

    /// The answer is written: the next one's turn.
    private func finish(_ request: Current, keepAlive: Bool) {
        current = nil
        settle(request)
        if keepAlive { serveWaiting() } else { close() }
        if !isReading { flush() }
    }

    /// Gives back what a request has taken.
    func settle(_ request: Current) {
        server.budget.release(request.reserved)
        if request.isStream {
            server.openStreams.wrappingSubtract(1, ordering: .relaxed)
        } else {
            server.endRequest()
        }
    }

    // MARK: Bytes

    /// Hands what is written to the channel.
    private func handOver(_ promise: EventLoopPromise<Void>?) {
        guard outgoing.readableBytes > 0 else {
            promise?.succeed()
            return
        }
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(outgoing), promise: promise)
        needsFlush = true
        // Reuses the storage once the channel has let go of it, as it mostly has by the next answer.
        if outgoing.capacity <= 2 * Self.copyLimit { outgoing.clear() } else { outgoing = ByteBuffer() }
    }

    func flush() {
        handOver(nil)
        guard needsFlush, let context else { return }
        needsFlush = false
        lastActivity = isReading ? lastActivity : .now()
        context.flush()
    }
}
