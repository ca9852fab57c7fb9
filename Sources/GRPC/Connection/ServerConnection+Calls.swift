// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets

/// From whole requests to handlers, and back to frames.
extension ServerConnection {
    // MARK: Starting

    func startUnary(_ stream: CallStream, _ message: ByteBuffer, _ handler: @escaping GRPCMethod.UnaryHandler) {
        let isSmall = message.readableBytes <= server.configuration.inlineLimit
        let call = makeCall(stream, message)
        begin(stream, inline: isSmall) {
            do {
                self.finish(stream, .success(try await handler(call)))
            } catch {
                self.finish(stream, .failure(error))
            }
        }
    }

    func startStreaming(_ stream: CallStream, _ handler: @escaping GRPCMethod.StreamingHandler) {
        let requests = RequestQueue(connection: self, stream: stream)
        stream.requests = requests
        let writer = GRPCResponseWriter(connection: self, stream: stream)
        let call = makeCall(stream, ByteBuffer())
        begin(stream, inline: true) {
            do {
                try await handler(call, GRPCRequestMessages(queue: requests), writer)
                self.finish(stream, .success(nil))
            } catch {
                self.finish(stream, .failure(error))
            }
        }
    }

    private func makeCall(_ stream: CallStream, _ message: ByteBuffer) -> GRPCCall {
        GRPCCall(
            path: stream.head.method.path,
            message: message,
            deadline: stream.clockDeadline,
            metadata: stream.headers,
            peer: peer
        )
    }

    /// The one place where a task without a parent starts.
    ///
    /// It belongs to this connection, which counts it in `running`, cancels it when its call is over, and does not
    /// end before it.
    private func begin(_ stream: CallStream, inline: Bool, _ operation: @escaping @Sendable () async -> Void) {
        if let deadline = stream.deadline, deadline <= .now() {
            fail(stream, Self.deadlineExceeded)
            return
        }
        // HTTP/2 limits open streams; this is for handlers that outlive theirs. Four times as many, because cancelled
        // handlers of an honest client take a moment to end on a busy machine.
        guard running < 4 * server.configuration.maxConcurrentStreams else {
            fail(stream, tooManyCalls("on this connection", "max_concurrent_streams"))
            return
        }
        guard stream.isStreaming ? admitStreaming(stream) : admitUnary(stream) else { return }
        running += 1
        stream.isRunning = true
        let task: Task<Void, Never> =
            inline ? Task.immediate { await operation() } : Task { await operation() }
        guard stream.isRunning else { return }
        stream.task = task
        // Closed or failed while its first part ran.
        if stream.isClosed || stream.answered != nil { task.cancel() }
        if stream.requestEnded { armDeadline(of: stream) }
    }

    private func admitUnary(_ stream: CallStream) -> Bool {
        guard server.beginCall(streaming: false) else {
            fail(stream, tooManyCalls("in this process", "max_calls_in_flight"))
            return false
        }
        return true
    }

    /// Streaming calls may stay open and idle for ever: they have limits of their own, so that they cannot use up those
    /// of the others.
    private func admitStreaming(_ stream: CallStream) -> Bool {
        let limit = server.configuration.maxStreamingCallsPerConnection
        // As above: calls that are open, and four times as many handlers.
        guard openStreaming < limit, runningStreaming < 4 * limit else {
            fail(stream, tooManyCalls("on this connection", "max_streaming_calls_per_connection", "streaming calls"))
            return false
        }
        guard server.beginCall(streaming: true) else {
            fail(stream, tooManyCalls("in this process", "max_streaming_calls", "streaming calls"))
            return false
        }
        stream.countsAsStreaming = true
        openStreaming += 1
        runningStreaming += 1
        return true
    }

    func tooManyCalls(_ place: String, _ key: StaticString, _ what: String = "calls") -> GRPCStatus {
        GRPCStatus(
            .resourceExhausted,
            "as many \(what) are in flight \(place) as may be; "
                + "try again later, or raise \(GRPCServerConfiguration.key(key)) on the server"
        )
    }

    static let deadlineExceeded = GRPCStatus(.deadlineExceeded, "the deadline of the call has passed")

    func armDeadline(of stream: CallStream) {
        guard let deadline = stream.deadline, stream.deadlineTimer == nil, stream.answered == nil else { return }
        stream.deadlineTimer = eventLoop.scheduleTask(deadline: deadline) {
            self.fail(stream, Self.deadlineExceeded)
        }
    }

    // MARK: Finishing

    /// The last act of every call's task; on the event loop already when the handler never suspended.
    private func finish(_ stream: CallStream, _ result: Result<ByteBuffer?, any Error>) {
        if eventLoop.inEventLoop {
            finished(stream, result)
        } else {
            eventLoop.execute { self.finished(stream, result) }
        }
    }

    private func finished(_ stream: CallStream, _ result: Result<ByteBuffer?, any Error>) {
        running -= 1
        if stream.isStreaming { runningStreaming -= 1 }
        server.endCall(streaming: stream.isStreaming)
        stream.isRunning = false
        stream.task = nil
        if stream.isClosed {
            releaseBytes(of: stream)
            endIfDrained()
            return
        }
        guard stream.answered == nil else { return }
        guardian.callCompleted()
        switch result {
        case .success(let message?):
            answer(stream, with: message)
        case .success(nil):
            sendStatus(GRPCStatus(.ok, ""), on: stream)
        case .failure(let error):
            fail(stream, status(of: error, stream.head.method.path))
        }
    }

    func status(of error: any Error, _ path: String) -> GRPCStatus {
        if let status = error as? GRPCStatus {
            guard status.code == .ok else { return status }
            return GRPCStatus(.internal, "the handler of \(path) threw OK")
        }
        if error is CancellationError { return GRPCStatus(.cancelled, "the call was cancelled") }
        // What went wrong inside may hold secrets: it is for the log, not for the client.
        logger.error(
            "a handler failed with an error that is no gRPC status",
            metadata: ["method": "\(path)", "peer": "\(peer)", "error": "\(error)"]
        )
        return GRPCStatus(.unknown, "the method failed; the server's log says why")
    }

    /// Writes the whole answer of a unary call in one go.
    private func answer(_ stream: CallStream, with message: consuming ByteBuffer) {
        let size = message.readableBytes
        if size > stream.reserved {
            guard server.budget.reserve(size - stream.reserved) else {
                fail(stream, overBudget)
                return
            }
            stream.reserved = size
        }
        stream.deadlineTimer?.cancel()
        stream.answered = .now()
        unsentAnswers += 1
        codec?.sendHeaders(ResponseHeaders.initial, on: stream.id, endStream: false, promise: nil)
        codec?.sendData(GRPCMessage.framed(message), on: stream.id, endStream: false, promise: nil)
        codec?.sendHeaders(ResponseHeaders.okTrailers, on: stream.id, endStream: true, promise: nil)
        if isReading { return }
        scheduleFlush()
    }

    /// Ends a call with a status other than OK, and its handler with it.
    func fail(_ stream: CallStream, _ status: GRPCStatus) {
        guard !stream.isClosed, stream.answered == nil else { return }
        // What carried calls have been answered is theirs.
        stream.carrier?.handOver()
        if !stream.isClosed { sendStatus(status, on: stream) }
        stream.task?.cancel()
        stream.requests?.fail(status)
        stream.carrier?.abandon()
    }

    func sendStatus(_ status: GRPCStatus, on stream: CallStream) {
        stream.deadlineTimer?.cancel()
        stream.answered = .now()
        unsentAnswers += 1
        if !isReading { scheduleFlush() }
        // The client takes no messages at present, and the status would wait behind them.
        if stream.sendsInFlight > 0, status.code != .ok {
            codec?.sendReset(.cancel, on: stream.id)
            return
        }
        let isOnly = !stream.headersSent
        let headers =
            status.code == .ok && !isOnly
            ? ResponseHeaders.okTrailers : ResponseHeaders.trailers(status, only: isOnly)
        guard !stream.requestEnded else {
            codec?.sendHeaders(headers, on: stream.id, endStream: true, promise: nil)
            return
        }
        // The client need not send the rest (RFC 9113, section 8.1), once it has been told the status.
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.whenSuccess {
            guard !stream.isClosed, !stream.requestEnded else { return }
            self.codec?.sendReset(.noError, on: stream.id)
            self.scheduleFlush()
        }
        codec?.sendHeaders(headers, on: stream.id, endStream: true, promise: written)
    }

    /// HTTP/2 is done with a stream, by its regular end or before.
    func closed(_ stream: CallStream) {
        stream.isClosed = true
        if stream.countsAsStreaming { openStreaming -= 1 }
        stream.deadlineTimer?.cancel()
        if let carrier = stream.carrier.take() {
            carrier.abandon()
            self.carrier = nil
        }
        if stream.answered == nil {
            stream.task?.cancel()
            stream.requests?.fail(CancellationError())
        }
        if let answered = stream.answered {
            unsentAnswers -= 1
            lastActivity = max(lastActivity, answered)
        }
        if !stream.isRunning { releaseBytes(of: stream) }
    }

    private func releaseBytes(of stream: CallStream) {
        server.budget.release(stream.reserved)
        stream.reserved = 0
        // The queue knows its stream: nobody needs it any more, and they must not keep each other alive.
        stream.requests = nil
    }

    // MARK: Flushing

    /// Writes with one flush what several calls finish at about the same time.
    func scheduleFlush() {
        guard !flushScheduled, !isReading else { return }
        flushScheduled = true
        eventLoop.execute {
            self.flushScheduled = false
            self.flush()
        }
    }

    func flush() {
        carrier?.handOver()
        codec?.flush()
        watchAnswers()
    }
}
