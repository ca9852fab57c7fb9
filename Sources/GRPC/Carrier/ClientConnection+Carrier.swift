// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHPACK
import Sockets

/// Calls that share a stream, with a server that has announced it.
extension ClientConnection {
    // MARK: Calling

    /// Sends a call over the stream that carries calls; false when it is to have a stream of its own.
    func startCarried(_ call: ClientCall, now: NIODeadline) -> Bool {
        guard carriesCalls, let kind = shared.carrier?.kind(of: call.path), call.metadata.isEmpty,
            call.request.readableBytes <= GRPCCarrier.longestRequest, let carrier = openCarrier(now), carrier.hasRoom
        else { return false }
        if !hasCalls {
            quietSince = now
            if let keepaliveTime { armTimer(now + keepaliveTime) }
        }
        carrier.write(call, kind: kind, now: now)
        armTimer(call.deadline)
        return true
    }

    private func openCarrier(_ now: NIODeadline) -> ClientCarrier? {
        if let carrier { return carrier }
        guard let path = shared.carrier?.path, let codec else { return nil }
        let carrier = ClientCarrier(id: nextStream, window: initialWindow)
        nextStream += 2
        self.carrier = carrier
        codec.sendHeaders(headers.headers(path: path), on: carrier.id, endStream: false, promise: nil)
        return carrier
    }

    /// Gives HTTP/2 what the carrier has written since the last flush.
    func handOverCarried() {
        guard let carrier, let bytes = carrier.takeOutgoing() else { return }
        let (id, count) = (carrier.id, bytes.readableBytes)
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in
            if let carrier = self.carrier, carrier.id == id { carrier.wrote(count) }
        }
        codec?.sendData(bytes, on: id, endStream: false, promise: promise)
    }

    /// Takes a carried call from the table and tells the server; false when it is not there.
    func dropCarried(_ call: ClientCall) -> Bool {
        guard let carrier, carrier.calls[call.number] === call else { return false }
        carrier.calls[call.number] = nil
        carrier.writeCancellation(of: call)
        return true
    }

    // MARK: Answers

    func carrierReceived(_ headers: HPACKHeaders, endStream: Bool, _ carrier: ClientCarrier) {
        guard HeaderRules.allowAnswer(headers, asTrailers: carrier.headersReceived) else {
            carrierMisbehaved("sent a malformed header block")
            return
        }
        let head = AnswerHead(headers)
        if endStream {
            carrierEnded(
                carrier.headersReceived || head.hasStatus ? head.status : head.complaint,
                wasBegun: carrier.headersReceived)
        } else if !head.isInformational {
            if let complaint = head.complaint {
                carrierFailed(complaint)
            } else {
                carrier.headersReceived = true
            }
        }
    }

    private func carrierEnded(_ status: GRPCStatus?, wasBegun: Bool) {
        endedByPeer = carrier?.id
        let status =
            status ?? GRPCStatus(.unknown, "\(peer) ended a stream without a grpc-status; see the server's log")
        if status.code == .unimplemented, !wasBegun {
            // It does not know the method, so that it has begun none of the calls.
            carriesCalls = false
            restartCarried()
        } else {
            failCarried(
                status.code == .ok
                    ? GRPCStatus(.unavailable, "\(peer) ended the stream that carried the call") : status)
        }
    }

    func carrierReceived(_ data: ByteBuffer, endStream: Bool, _ carrier: ClientCarrier) {
        guard carrier.headersReceived else {
            carrierMisbehaved("sent data before headers")
            return
        }
        var data = data
        let unwanted = min(carrier.toPassOver, data.readableBytes)
        carrier.toPassOver -= unwanted
        data.moveReaderIndex(forwardBy: unwanted)
        let count = data.readableBytes
        if count > 0 {
            if shared.budget.reserve(count) { carrier.held += count }
            carrier.reader.append(data)
        }
        do throws(GRPCStatus) {
            try readCarried(carrier)
        } catch {
            carrierFailed(error)
            chargeFault()
            return
        }
        if endStream, self.carrier === carrier { carrierMisbehaved("ended its answer without trailers") }
    }

    private func readCarried(_ carrier: ClientCarrier) throws(GRPCStatus) {
        // What stands before an answer does not count.
        let limit = ByteLimit(
            bytes: shared.messageLimit.bytes + TaggedFrame.headLength, key: shared.messageLimit.key,
            side: shared.messageLimit.side)
        while self.carrier === carrier {
            if let length = carrier.reader.claimedLength, length > limit.bytes {
                let status = shared.messageLimit.exceeded("of \(length - TaggedFrame.headLength) bytes")
                guard passOver(carrier, status) else { return }
                continue
            }
            guard let (message, isCompressed) = try carrier.reader.next(limit: limit) else { break }
            guard !isCompressed else {
                throw GRPCStatus(.internal, "\(peer) compressed a frame of a carried call, which must not be")
            }
            let size = message.readableBytes + GRPCMessage.prefixLength
            let reserved = min(carrier.held, size)
            carrier.held -= reserved
            receiveCarried(message, reserved, hasRoom: reserved == size, carrier)
        }
        guard self.carrier === carrier else { return }
        // What there is no room for is refused when it is whole; a long answer is not waited for.
        if carrier.reader.bufferedBytes - carrier.held > GRPCCarrier.longestMessage {
            _ = passOver(carrier, overBudget)
        }
    }

    /// Ends the call of the answer at the front, which is not kept; false while it is not known whose it is.
    private func passOver(_ carrier: ClientCarrier, _ status: GRPCStatus) -> Bool {
        guard let (head, gone, missing) = carrier.reader.discard(headLength: TaggedFrame.headLength) else {
            return false
        }
        carrier.toPassOver = missing
        let released = min(carrier.held, gone)
        carrier.held -= released
        shared.budget.release(released)
        if let frame = TaggedFrame(decoding: head), let call = carrier.calls.removeValue(forKey: frame.call) {
            conclude(call, .failure(status))
        }
        return true
    }

    private func receiveCarried(_ message: ByteBuffer, _ reserved: Int, hasRoom: Bool, _ carrier: ClientCarrier) {
        guard let frame = TaggedFrame(decoding: message) else {
            shared.budget.release(reserved)
            carrierMisbehaved("sent a frame that is shorter than its head")
            return
        }
        switch frame.kind {
        case .answer, .status:
            carrier.hasAnswered = true
            fruitlessCarriers = 0
            // One that has ended is nobody's.
            guard let call = carrier.calls.removeValue(forKey: frame.call) else {
                shared.budget.release(reserved)
                return
            }
            if !hasRoom {
                shared.budget.release(reserved)
                conclude(call, .failure(overBudget))
            } else if frame.kind == .answer {
                call.takeOver(reserved)
                conclude(call, .success(frame.body))
            } else {
                shared.budget.release(reserved)
                conclude(call, .failure(Self.status(frame.body)))
            }
        case .goAway:
            shared.budget.release(reserved)
            stopTaking(isScolded: false)
            let refused = carrier.calls.values.filter { $0.number > frame.call }
            for call in refused {
                carrier.calls[call.number] = nil
                if call.isCounted { freed += 1 }
            }
            for call in refused { redirect(call, because: "it ended before it began the call") }
        default:
            // What a later version may send is no reason to fail.
            shared.budget.release(reserved)
        }
    }

    private static func status(_ body: ByteBuffer) -> GRPCStatus {
        var body = body
        let code = body.readInteger(as: UInt8.self).flatMap(GRPCStatus.Code.init(rawValue:)) ?? .unknown
        let text = String(decoding: body.readableBytesView.prefix(8_192), as: UTF8.self)
        return GRPCStatus(code == .ok ? .unknown : code, text)
    }

    // MARK: The end

    private func carrierMisbehaved(_ what: String) {
        carrierFailed(GRPCStatus(.internal, "\(peer) \(what); check that the target is a gRPC server"))
        chargeFault()
    }

    /// The stream cannot be used: its calls fail, and later ones have streams of their own.
    private func carrierFailed(_ status: GRPCStatus) {
        guard let carrier else { return }
        codec?.sendReset(.cancel, on: carrier.id)
        carriesCalls = false
        failCarried(status)
        scheduleFlush()
    }

    /// The stream is no more: whether its calls were begun is not known, so they are not sent again.
    ///
    /// Where one after the other ends without an answer, calls have streams of their own from then on: something between here and the
    /// server may let only those through.
    func failCarried(_ status: GRPCStatus) {
        if let carrier, !carrier.hasAnswered {
            fruitlessCarriers += 1
            if fruitlessCarriers > 1 { carriesCalls = false }
        }
        for call in takeCarried() {
            if call.isCounted {
                freed += 1
                bad += 1
                lastFailure = "\(status)"
            }
            call.finish(.failure(status))
        }
    }

    /// The server has surely begun none of its calls: they get streams of their own.
    func restartCarried() {
        let now = NIODeadline.now()
        for call in takeCarried() {
            call.rewind()
            start(call, now: now)
        }
    }

    /// The server takes none of its calls.
    func redirectCarried(because reason: String) {
        let calls = takeCarried()
        for call in calls where call.isCounted { freed += 1 }
        for call in calls { redirect(call, because: reason) }
    }

    /// The server reset the stream.
    func carrierReset(_ reason: HTTP2Reason) {
        if reason == .refusedStream, carrier?.headersReceived == false {
            carriesCalls = false
            restartCarried()
        } else {
            failCarried(GRPCStatus(.unavailable, "\(peer) reset the stream that carried the call with \(reason.name)"))
        }
    }

    /// The open calls that share a stream.
    var carriedCalls: [ClientCall] { carrier.map { Array($0.calls.values) } ?? [] }

    /// Takes all calls that share a stream, in their order, and forgets the stream.
    func takeCarried() -> [ClientCall] {
        guard let carrier else { return [] }
        self.carrier = nil
        shared.budget.release(carrier.held)
        carrier.held = 0
        defer { carrier.calls = [:] }
        return carrier.calls.values.sorted { $0.number < $1.number }
    }

    /// Lets the server send the rest.
    func topUpWindow(of carrier: ClientCarrier) {
        let increment = initialWindow - carrier.inboundWindow
        guard increment >= max(1, initialWindow / 2) else { return }
        carrier.inboundWindow += increment
        codec?.sendWindowUpdate(increment, on: carrier.id)
        scheduleFlush()
    }
}
