// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore

/// How calls begin and end.
extension ClientConnection {
    /// Beyond this number of streams another connection takes over; HTTP/2 ends at 2^31 - 1.
    private static let lastUsableStream: StreamID = 2_000_000_001

    // MARK: Beginning

    /// Opens a stream for a call: both frames of the request go out together.
    func start(_ call: ClientCall, now: NIODeadline) {
        guard phase == .open || phase == .exchange && !call.isCounted else {
            // It was on its way here when the connection ended: nothing of it was sent.
            release(call)
            redirect(call, because: "its connection ended before it was sent")
            return
        }
        guard call.deadline > now else {
            release(call)
            call.finish(.failure(Self.deadlineExceeded))
            return
        }
        guard call.assign(self), let codec else {
            release(call)
            return
        }
        if startCarried(call, now: now) { return }
        let id = nextStream
        nextStream += 2
        call.id = id
        call.inboundWindow = initialWindow
        if !hasCalls {
            quietSince = now
            if let keepaliveTime { armTimer(now + keepaliveTime) }
        }
        streams[id] = call
        codec.sendHeaders(headers.headers(call, now: now), on: id, endStream: false, promise: nil)
        codec.sendData(call.request, on: id, endStream: true, promise: nil)
        armTimer(call.deadline)
        if nextStream > Self.lastUsableStream { stopTaking(isScolded: false) }
    }

    /// Gives a call that the server has surely not begun to another connection.
    func redirect(_ call: ClientCall, because reason: String) {
        guard call.isCounted else {
            call.finish(.failure(GRPCStatus(.unavailable, "\(peer): \(reason)")))
            return
        }
        call.rewind()
        dispatcher.dispatch(call, avoiding: self)
    }

    // MARK: Ending

    /// Ends a call with what the server said.
    func complete(_ call: ClientCall, _ outcome: ClientCall.Outcome) {
        streams[call.id] = nil
        endedByPeer = call.id
        conclude(call, outcome)
    }

    /// Counts and tells the end of a call that the server has ended.
    func conclude(_ call: ClientCall, _ outcome: ClientCall.Outcome) {
        guardian.callCompleted()
        hasServed = true
        if call.isCounted {
            if case .failure(let status) = outcome, status.code == .unavailable || status.code == .deadlineExceeded {
                bad += 1
                lastFailure = "\(status)"
            } else {
                good += 1
            }
        }
        release(call)
        call.finish(outcome)
    }

    /// Ends a call before the server does.
    func fail(_ call: ClientCall, _ status: GRPCStatus, reset reason: HTTP2Reason = .cancel, isServersFault: Bool) {
        guard drop(call, reason) else { return }
        if call.isCounted, isServersFault {
            bad += 1
            lastFailure = "\(status)"
        }
        release(call)
        call.finish(.failure(status))
        scheduleFlush()
    }

    /// The server did on a stream what it must not: that ends the call, and the connection when it does it often.
    func misbehaved(_ call: ClientCall, _ what: String) {
        let message = "\(peer) \(what); check that the target is a gRPC server"
        fail(call, GRPCStatus(.internal, message), reset: .protocolError, isServersFault: true)
        chargeFault()
    }

    func chargeFault() {
        if !guardian.callReset(requestWasWhole: false, now: .now()) {
            giveUp("too many of its streams were malformed (\(GRPCChannelConfiguration.key("max_stream_faults")))")
        }
    }

    /// The caller does not want the call any more.
    func letGo(_ call: ClientCall) {
        guard drop(call, .cancel) else { return }
        release(call)
    }

    /// Takes a call from the table and tells the server that nobody waits for it; false when it is not there.
    private func drop(_ call: ClientCall, _ reason: HTTP2Reason) -> Bool {
        if call.number > 0 { return dropCarried(call) }
        // The number alone would not do: the call may be on its way here, or have left.
        guard call.id > 0, streams[call.id] === call else { return false }
        streams[call.id] = nil
        codec?.sendReset(reason, on: call.id)
        return true
    }

    /// Whether any call is open.
    var hasCalls: Bool { !streams.isEmpty || carrier.map { !$0.calls.isEmpty } ?? false }

    /// The room of a call is free again.
    private func release(_ call: ClientCall) {
        if call.isCounted { freed += 1 }
    }

    /// Tells the dispatcher how calls ended, and starts those it has waiting for the room.
    func settle() {
        while freed > 0 || bad > 0 {
            let ended = CallDispatcher.Ended(freed: freed, good: good, bad: bad, lastFailure: lastFailure)
            (freed, good, bad) = (0, 0, 0)
            let next = dispatcher.ended(ended, on: self)
            guard !next.isEmpty else { break }
            let now = NIODeadline.now()
            for call in next { start(call, now: now) }
        }
        if phase == .draining, !hasCalls { finishDraining() }
    }

    static let deadlineExceeded = GRPCStatus(.deadlineExceeded, "the deadline of the call has passed")

    // MARK: Flushing

    /// Writes with one flush what comes about at the same time.
    func scheduleFlush() {
        guard !flushScheduled, !isReading else { return }
        flushScheduled = true
        eventLoop.execute {
            self.flushScheduled = false
            self.settle()
            self.flush()
        }
    }

    func flush() {
        handOverCarried()
        codec?.flush()
    }
}
