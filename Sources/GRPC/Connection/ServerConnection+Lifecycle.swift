// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets

/// How a connection ages, drains and ends.
extension ServerConnection {
    /// Sends GOAWAY, serves what has arrived, then closes; by force when that takes longer than the grace period.
    func drain() {
        switch phase {
        case .closed, .draining:
            return
        case .handshake:
            close()
            return
        case .open:
            phase = .draining
        }
        carrier?.goAway()
        // With the exact number of the last stream a client knows which calls it may safely send again elsewhere.
        codec?.sendGoAway(lastStream: lastStream, reason: .noError)
        let deadline = NIODeadline.now() + TimeAmount(server.configuration.drainGrace)
        drainDeadline = deadline
        armTimer(deadline)
        if !isReading { scheduleFlush() }
        endIfDrained()
    }

    func endIfDrained() {
        if phase == .draining, streams.isEmpty {
            // Once more round the loop: we may be inside a flush that has yet to write.
            eventLoop.execute {
                guard self.phase == .draining, self.streams.isEmpty else { return }
                self.close()
            }
        }
        // The channel may close before the last handler has noticed its cancellation.
        if channelIsClosed, running == 0 { server.registry.ended(self) }
    }

    /// The channel is closed for good.
    func channelClosed() {
        channelIsClosed = true
        connectionInactive()
        codec = nil
        endIfDrained()
    }

    /// Ends the connection after what has been written.
    ///
    /// First only our half: closing while bytes of the client are unread makes TCP reset the connection, and the client
    /// would lose answers it has not read yet. The rest follows when the client closes its half, or a second later.
    func close() {
        guard phase != .closed else { return }
        codec?.flush()
        abandonCalls()
        channel.close(mode: .output, promise: nil)
        let channel = channel
        let rest = eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in rest.cancel() }
    }

    private static let lingerTime = TimeAmount.seconds(1)

    /// Ends the connection without regard to what the client still reads.
    func closeNow() {
        abandonCalls()
        channel.close(promise: nil)
    }

    /// Cancels all calls; nothing is served any more.
    func abandonCalls() {
        phase = .closed
        timer?.cancel()
        let orphans = streams.values
        streams = [:]
        incomplete = []
        for stream in orphans { closed(stream) }
    }

    /// The client has done something often enough to harm others.
    func abused(_ what: String) {
        guard phase != .closed else { return }
        logger.warning("closed a gRPC connection for abuse: \(what)", metadata: ["peer": "\(peer)"])
        codec?.sendGoAway(lastStream: lastStream, reason: .enhanceYourCalm)
        close()
    }

    /// No call is open: a stream that carries calls is none itself.
    var isIdle: Bool {
        guard let carrier else { return streams.isEmpty }
        return streams.count == 1 && carrier.calls.isEmpty
    }

    // MARK: Time

    /// Sees to it that `checkTimes` runs at `deadline` or before.
    func armTimer(_ deadline: NIODeadline) {
        guard deadline < timerAt, phase == .open || phase == .draining else { return }
        timer?.cancel()
        timerAt = deadline
        timer = eventLoop.scheduleTask(deadline: deadline) { self.checkTimes() }
    }

    /// Sets the timer for what can happen while nothing arrives.
    func rearmTimer() {
        let configuration = server.configuration
        if let idle = configuration.maxConnectionIdle {
            armTimer((isIdle ? lastActivity : .now()) + TimeAmount(idle))
        }
        if let age = configuration.maxConnectionAge, phase == .open { armTimer(connectedAt + TimeAmount(age)) }
        if let pingSentAt {
            armTimer(pingSentAt + TimeAmount(configuration.keepaliveTimeout))
        } else if let keepalive = configuration.keepaliveTime {
            armTimer(lastActivity + TimeAmount(keepalive))
        }
        if let drainDeadline { armTimer(drainDeadline) }
        if let partialFrameSince { armTimer(partialFrameSince + TimeAmount(configuration.requestTimeout)) }
    }

    /// One timer for all limits of a connection; it looks what is due and sets itself for what comes next, so that
    /// nothing needs to be set or cancelled for each call.
    private func checkTimes() {
        timerAt = .distantFuture
        let now = NIODeadline.now()
        let configuration = server.configuration
        if let drainDeadline, drainDeadline <= now {
            logger.warning(
                "closed a gRPC connection whose calls outlasted the grace period", metadata: ["peer": "\(peer)"])
            close()
            return
        }
        if let pingSentAt, pingSentAt + TimeAmount(configuration.keepaliveTimeout) <= now {
            logger.debug("closed a gRPC connection that did not answer a PING", metadata: ["peer": "\(peer)"])
            closeNow()
            return
        }
        checkStreams(now)
        if phase == .open {
            if let age = configuration.maxConnectionAge, connectedAt + TimeAmount(age) <= now {
                drain()
            } else if let idle = configuration.maxConnectionIdle, isIdle, running == 0,
                lastActivity + TimeAmount(idle) <= now
            {
                drain()
            }
        }
        if pingSentAt == nil, pingIsDue(now) {
            // Also the question to a client that sends bytes and never a whole frame: while it is inside a frame it
            // cannot answer.
            pingSentAt = now
            codec?.sendPing(UInt64(bitPattern: Int64(now.uptimeNanoseconds)))
        }
        scheduleFlush()
        if phase != .closed { rearmTimer() }
    }

    private func pingIsDue(_ now: NIODeadline) -> Bool {
        if let partialFrameSince, partialFrameSince + TimeAmount(server.configuration.requestTimeout) <= now {
            self.partialFrameSince = nil
            return true
        }
        guard let keepalive = server.configuration.keepaliveTime else { return false }
        return lastActivity + TimeAmount(keepalive) <= now
    }

    /// Ends requests that do not arrive and answers that are not taken.
    private func checkStreams(_ now: NIODeadline) {
        let requestTimeout = TimeAmount(server.configuration.requestTimeout)
        let answerTimeout = TimeAmount(server.configuration.answerTimeout)
        for stream in Array(streams.values) {
            if let since = stream.carrier?.unwrittenSince {
                if since + answerTimeout <= now {
                    codec?.sendReset(.cancel, on: stream.id)
                    continue
                }
                armTimer(since + answerTimeout)
            }
            if let answered = stream.answered {
                let deadline = answered + answerTimeout
                if deadline <= now {
                    codec?.sendReset(.cancel, on: stream.id)
                } else {
                    armTimer(deadline)
                }
            } else if stream.isReceiving {
                let deadline = stream.receivingSince + requestTimeout
                if deadline <= now {
                    fail(stream, lateRequest(stream))
                } else {
                    armTimer(deadline)
                }
            } else if !stream.requestEnded {
                armTimer(now + requestTimeout)
            }
        }
    }

    private func lateRequest(_ stream: CallStream) -> GRPCStatus {
        let what = stream.isStreaming ? "a message of the request" : "the request"
        return GRPCStatus(
            .deadlineExceeded,
            "\(what) did not arrive whole within \(server.configuration.requestTimeout); "
                + "send it faster, or raise \(GRPCServerConfiguration.key("request_timeout")) on the server"
        )
    }

    /// Watches answers that a flush did not get rid of.
    func watchAnswers() {
        guard unsentAnswers > 0 else { return }
        armTimer(.now() + TimeAmount(server.configuration.answerTimeout))
    }
}

extension CallStream {
    /// Whether bytes of the request are owed: all of a unary one, of a streaming one the first message, and later the
    /// rest of a message begun.
    var isReceiving: Bool {
        guard !requestEnded else { return false }
        return !hasFirstMessage || reader.hasPartialMessage
    }
}
