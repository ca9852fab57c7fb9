// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets

/// How a connection ages, drains and ends.
extension HTTPServerConnection {
    /// How long a client may take to close its side after we have closed ours.
    private static let lingerTime = TimeAmount.seconds(1)

    /// Whether nothing is asked and nothing is arriving.
    private var isIdle: Bool { current == nil && waiting.isEmpty && incoming == nil && receivingSince == nil }

    /// Answers what has begun to arrive, then closes; by force when that takes longer than the grace period.
    func drain() {
        guard phase == .open, drainDeadline == nil else {
            closeAll(in: TimeAmount(server.configuration.drainGrace))
            return
        }
        let deadline = NIODeadline.now() + TimeAmount(server.configuration.drainGrace)
        drainDeadline = deadline
        armTimer(deadline)
        if isIdle { close() }
    }

    /// The client sends no more.
    func inputClosed() {
        inputIsClosed = true
        switch phase {
        case .closing:
            if outputIsClosed { channel.close(promise: nil) }
        case .closed:
            break
        case .open:
            // Who reads a stream has no reason to close its side, unless it has gone.
            if current?.isStream == true || current?.endsWithInput == true { return closeNow() }
            if current == nil, waiting.isEmpty { close() }
        }
    }

    /// Ends the connection after what has been written.
    ///
    /// First only our half: closing while bytes of the client are unread makes TCP reset the connection, and the client
    /// would lose answers it has not read yet. The rest follows when the client closes its half, or a second later.
    func close() {
        guard phase == .open else { return }
        phase = .closing
        timer?.cancel()
        flush()
        forget()
        closeAll(in: TimeAmount(server.configuration.answerTimeout))
        guard !inputIsClosed else { return closeAfterWrites() }
        channel.close(mode: .output).assumeIsolated().whenComplete { result in
            // The client has all of the answer, or never will.
            self.outputIsClosed = true
            if case .success = result, !self.inputIsClosed {
                self.closeAll(in: Self.lingerTime)
            } else {
                self.channel.close(promise: nil)
            }
        }
        // Reads on, so that what the client still sends does not reset the connection.
        resumeReading()
    }

    /// Closes when what is written has been taken: closing the output of a half-closed channel would drop it.
    private func closeAfterWrites() {
        guard let context else { return channel.close(promise: nil) }
        let promise = eventLoop.makePromise(of: Void.self)
        let channel = channel
        promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    private func closeAll(in time: TimeAmount) {
        let channel = channel
        let timer = eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }

    /// Ends the connection without regard to what the client still reads.
    func closeNow() {
        abandon()
        channel.close(promise: nil)
    }

    /// The client is gone, or is let go of: nothing is served any more.
    func abandon() {
        guard phase != .closed else { return }
        phase = .closed
        timer?.cancel()
        forget()
    }

    /// Gives back what requests have taken, and tells those who answer.
    private func forget() {
        forgetIncoming()
        for case .request(_, let body) in waiting { server.budget.release(body.readableBytes) }
        waiting.removeAll()
        guard let request = current else { return }
        current = nil
        lostNumber = request.number
        settle(request)
        request.stream?.closed()
        for action in request.closeActions { action() }
    }

    /// The channel is closed for good.
    func channelClosed() {
        abandon()
        server.connections.ended(self)
    }

    // MARK: Time

    /// Sees to it that `checkTimes` runs at `deadline` or before.
    func armTimer(_ deadline: NIODeadline) {
        guard deadline < timerAt, phase == .open else { return }
        timer?.cancel()
        timerAt = deadline
        timer = eventLoop.scheduleTask(deadline: deadline) { self.checkTimes() }
    }

    /// One timer for all limits of a connection; it looks what is due and sets itself for what comes next, so that
    /// nothing needs to be set or cancelled for each request.
    private func checkTimes() {
        timerAt = .distantFuture
        let now = NIODeadline.now()
        let configuration = server.configuration
        if let drainDeadline, drainDeadline <= now {
            server.logger.warning(
                "closed an HTTP connection whose answers outlasted the grace period", metadata: metadata)
            return closeNow()
        }
        if let stalledSince, stalledSince + TimeAmount(configuration.answerTimeout) <= now {
            server.logger.debug(
                "closed an HTTP connection that does not take its answer (\(configuration.key("answer_timeout")))",
                metadata: metadata)
            return closeNow()
        }
        if let receivingSince, receivingSince + TimeAmount(configuration.requestTimeout) <= now {
            return refuse(.late(configuration))
        }
        if isIdle, lastActivity + TimeAmount(configuration.idleTimeout) <= now { return close() }
        if let drainDeadline { armTimer(drainDeadline) }
        if let stalledSince { armTimer(stalledSince + TimeAmount(configuration.answerTimeout)) }
        if let receivingSince { armTimer(receivingSince + TimeAmount(configuration.requestTimeout)) }
        armTimer((isIdle ? lastActivity : now) + TimeAmount(configuration.idleTimeout))
    }
}
