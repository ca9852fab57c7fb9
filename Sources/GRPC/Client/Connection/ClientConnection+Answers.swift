// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHPACK
import Sockets

/// What the server sends.
extension ClientConnection: HTTP2Events {
    func received(headers: HPACKHeaders, endStream: Bool, on id: StreamID) {
        beginEvent()
        // Late frames of a call that has ended are nobody's.
        guard let call = streams[id] else {
            if let carrier, carrier.id == id { carrierReceived(headers, endStream: endStream, carrier) }
            return
        }
        guard HeaderRules.allowAnswer(headers, asTrailers: call.headersReceived) else {
            misbehaved(call, "sent a malformed header block")
            return
        }
        let head = AnswerHead(headers)
        if call.headersReceived {
            guard endStream else {
                misbehaved(call, "sent headers in the middle of an answer")
                return
            }
            complete(call, outcome(of: call, head))
        } else if endStream {
            // Trailers alone: an error, or what is no gRPC.
            complete(call, outcome(of: call, head, isOnly: true))
        } else if !head.isInformational {
            begin(call, head)
        }
    }

    private func begin(_ call: ClientCall, _ head: AnswerHead) {
        if let complaint = head.complaint {
            fail(call, complaint, isServersFault: true)
            return
        }
        guard let encoding = head.encoding else {
            // gRPC: doc/compression.md
            let accepted = MessageEncoding.accepted
            let message = "the answer's grpc-encoding \"\(head.encodingName)\" is none of those accepted: \(accepted)"
            fail(call, GRPCStatus(.internal, message), isServersFault: true)
            return
        }
        call.encoding = encoding
        call.headersReceived = true
    }

    private func outcome(of call: ClientCall, _ head: AnswerHead, isOnly: Bool = false) -> ClientCall.Outcome {
        if isOnly, !head.hasStatus || !head.isGRPC, let complaint = head.complaint { return .failure(complaint) }
        guard let status = head.status else {
            return .failure(GRPCStatus(.unknown, "\(peer) ended the call without a grpc-status; see the server's log"))
        }
        guard status.code == .ok else { return .failure(status) }
        guard !call.reader.hasPartialMessage else {
            return .failure(GRPCStatus(.internal, "\(peer) ended the call in the middle of its answer"))
        }
        guard let answer = call.answer.take() else {
            return .failure(GRPCStatus(.internal, "\(peer) ended the call with OK and without an answer"))
        }
        return .success(answer)
    }

    func received(data: ByteBuffer, endStream: Bool, on id: StreamID) {
        beginEvent()
        guardian.receivedData()
        guard let call = streams[id] else {
            if let carrier, carrier.id == id { carrierReceived(data, endStream: endStream, carrier) }
            return
        }
        guard call.headersReceived else {
            misbehaved(call, "sent data before headers")
            return
        }
        if data.readableBytes > 0 {
            guard call.reserve(data.readableBytes) else {
                fail(call, overBudget, isServersFault: false)
                return
            }
            call.reader.append(data)
            do throws(GRPCStatus) {
                try readAnswer(of: call)
            } catch {
                fail(call, error, isServersFault: error.code == .internal)
                return
            }
        }
        if endStream {
            misbehaved(call, "ended its answer without trailers")
        }
    }

    var overBudget: GRPCStatus {
        GRPCStatus(
            .resourceExhausted,
            "this process holds as many bytes of messages as it may (\(shared.budget.limit)); "
                + "try again later, or raise gatehouse.memory_budget")
    }

    private func readAnswer(of call: ClientCall) throws(GRPCStatus) {
        while let (raw, isCompressed) = try call.reader.next(limit: shared.messageLimit) {
            guard call.answer == nil else {
                throw GRPCStatus(.internal, "\(peer) answered a unary call with more than one message")
            }
            guard isCompressed else {
                call.answer = raw
                continue
            }
            let message = try call.encoding.decompress(raw, limit: shared.messageLimit)
            guard call.reserve(max(0, message.readableBytes - raw.readableBytes)) else { throw overBudget }
            call.answer = message
        }
    }

    func inboundWindowChanged(to size: Int, on id: StreamID) {
        guard let call = streams[id] else {
            if let carrier, carrier.id == id {
                carrier.inboundWindow = size
                topUpWindow(of: carrier)
            }
            return
        }
        call.inboundWindow = size
        topUpWindow(of: call)
    }

    func initialWindowChanged(by delta: Int) {
        initialWindow += delta
        for call in streams.values {
            call.inboundWindow += delta
            topUpWindow(of: call)
        }
        if let carrier {
            carrier.inboundWindow += delta
            topUpWindow(of: carrier)
        }
    }

    /// Lets the server send the rest: what arrives is bounded by the limit of a message, and by the budget.
    private func topUpWindow(of call: ClientCall) {
        let increment = initialWindow - call.inboundWindow
        guard increment >= max(1, initialWindow / 2) else { return }
        call.inboundWindow += increment
        codec?.sendWindowUpdate(increment, on: call.id)
        scheduleFlush()
    }

    // MARK: Streams

    func receivedReset(_ reason: HTTP2Reason, on id: StreamID) {
        beginEvent()
        guard let call = streams[id] else {
            if let carrier, carrier.id == id { carrierReset(reason) }
            return
        }
        if reason == .refusedStream {
            streams[id] = nil
            if call.isCounted { freed += 1 }
            call.refusals += 1
            if call.refusals == 1 {
                redirect(call, because: "it refused the call")
            } else {
                call.finish(
                    .failure(GRPCStatus(.unavailable, "\(peer) refused the call, as another did; try again later")))
            }
            return
        }
        complete(call, .failure(status(of: reason, call)))
        endedByPeer = nil
    }

    /// gRPC over HTTP2, "Errors".
    private func status(of reason: HTTP2Reason, _ call: ClientCall) -> GRPCStatus {
        let what = "\(peer) reset the call with \(reason.name)"
        switch reason {
        case .cancel:
            // Some servers say so when the deadline that we sent them has passed.
            guard call.deadline > .now() else { return Self.deadlineExceeded }
            return GRPCStatus(.cancelled, "\(what); see the server's log")
        case .enhanceYourCalm:
            return GRPCStatus(.resourceExhausted, "\(what); send it fewer calls")
        case .inadequateSecurity:
            return GRPCStatus(.permissionDenied, "\(what); it wants TLS")
        default:
            return GRPCStatus(.internal, "\(what); see the server's log")
        }
    }

    func streamClosed(_ id: StreamID) {
        if endedByPeer == id {
            endedByPeer = nil
        } else if let carrier, carrier.id == id {
            failCarried(GRPCStatus(.internal, "\(peer) broke the rules of HTTP/2 in the stream that carried the call"))
        } else if let call = streams[id] {
            // The codec has reset it for a fault of the server; it tells which in `streamFailed`.
            streams[id] = nil
            if call.isCounted {
                freed += 1
                bad += 1
                lastFailure = "a malformed answer"
            }
            call.finish(
                .failure(
                    GRPCStatus(
                        .internal,
                        "\(peer) broke the rules of HTTP/2 in its answer; check that the target is a gRPC server")))
        }
    }

    func streamFailed(_ error: any Error) {
        shared.logger.debug("A gRPC server broke the rules of a stream", metadata: metadata(error))
        chargeFault()
    }

    /// A server that ends a call before it has our request need not get the rest.
    private func resetHalfOpenStream() {
        guard let id = endedByPeer else { return }
        endedByPeer = nil
        codec?.sendReset(.noError, on: id)
    }

    // MARK: Bursts

    /// Frames of one burst are followed by one flush, when the burst has ended.
    @inline(__always)
    func beginEvent() {
        isReading = true
        if endedByPeer != nil { resetHalfOpenStream() }
    }

    func readComplete() {
        isReading = false
        resetHalfOpenStream()
        quietSince = .now()
        settle()
        flush()
    }

    func metadata(_ error: any Error) -> Logger.Metadata {
        ["peer": "\(peer)", "error": "\(error)"]
    }
}
