// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHPACK
import Sockets

/// From frames to whole requests.
extension ServerConnection {
    func open(_ id: StreamID, headers: HPACKHeaders, endStream: Bool) {
        lastStream = max(lastStream, id)
        guard phase == .open || phase == .draining else { return }
        switch RequestHead.read(headers, methods: server.methods, lastMethod: lastMethod) {
        case .http(let status):
            refuse(id, ResponseHeaders.http(status), requestEnded: endStream)
        case .fail(let status):
            refuse(id, ResponseHeaders.trailers(status, only: true), requestEnded: endStream)
        case .accept(let head):
            lastMethod = head.method
            let stream = CallStream(id: id, head: head, headers: headers, now: .now(), window: initialWindow)
            streams[id] = stream
            if case .streaming(let handler) = head.method.handler {
                startStreaming(stream, handler)
            } else if case .carrier(let methods) = head.method.handler {
                startCarrying(stream, methods)
            }
            if endStream {
                if stream.answered == nil { requestEnded(stream) }
            } else {
                incomplete.append(stream)
            }
        }
    }

    /// Malformed requests and trailers are stream errors (RFC 9113, section 8.1.1).
    func malformedHeaders(on id: StreamID) {
        lastStream = max(lastStream, id)
        logger.debug("a gRPC client sent malformed headers", metadata: ["peer": "\(peer)"])
        codec?.sendReset(.protocolError, on: id)
        if !guardian.callReset(requestWasWhole: false, now: .now()) {
            abused("it sends too many malformed requests (\(GRPCServerConfiguration.key("max_rapid_resets")))")
        }
    }

    /// Answers a request that gets no further than its headers.
    private func refuse(_ id: StreamID, _ headers: HPACKHeaders, requestEnded: Bool) {
        codec?.sendHeaders(headers, on: id, endStream: true, promise: nil)
        // The client need not send the rest (RFC 9113, section 8.1).
        if !requestEnded { codec?.sendReset(.noError, on: id) }
    }

    func receive(_ data: ByteBuffer, endStream: Bool, for stream: CallStream) {
        let count = data.readableBytes
        if count > 0 {
            if server.budget.reserve(count) {
                stream.reserved += count
            } else if stream.carrier == nil {
                // What a carrier brings is refused call by call.
                fail(stream, overBudget)
                return
            }
            if stream.carrier != nil, !stream.reader.hasPartialMessage { stream.receivingSince = .now() }
            stream.reader.append(data)
            do throws(GRPCStatus) {
                if let carrier = stream.carrier {
                    try carry(stream, carrier)
                } else {
                    try readMessages(of: stream)
                }
            } catch {
                fail(stream, error)
                return
            }
        }
        if endStream { requestEnded(stream) }
    }

    var overBudget: GRPCStatus {
        GRPCStatus(
            .resourceExhausted,
            "the server holds as many bytes of messages as it may (\(server.budget.limit)); "
                + "try again later, or raise gatehouse.memory_budget on the server"
        )
    }

    private func readMessages(of stream: CallStream) throws(GRPCStatus) {
        while let (raw, isCompressed) = try stream.reader.next(limit: server.messageLimit) {
            var message = raw
            if isCompressed {
                message = try stream.head.encoding.decompress(raw, limit: server.messageLimit)
                let growth = message.readableBytes - raw.readableBytes
                if growth > 0 {
                    guard server.budget.reserve(growth) else { throw overBudget }
                    stream.reserved += growth
                }
            }
            if let requests = stream.requests {
                // The next message has its own time to arrive.
                stream.receivingSince = .now()
                stream.hasFirstMessage = true
                stream.queuedBytes += message.readableBytes
                requests.push(message)
            } else if stream.message == nil {
                stream.message = message
            } else {
                throw GRPCStatus(
                    .unimplemented,
                    "\(stream.head.method.path) takes exactly one request message, and more were sent; send one"
                )
            }
        }
    }

    func requestEnded(_ stream: CallStream) {
        stream.requestEnded = true
        guard !stream.reader.hasPartialMessage else {
            fail(
                stream,
                GRPCStatus(
                    .internal, "the request ended in the middle of a message; send as many bytes as its prefix says")
            )
            return
        }
        switch stream.head.method.handler {
        case .streaming:
            stream.requests?.finish()
        case .carrier:
            stream.carrier?.endIfIdle()
        case .unary(let handler):
            guard let message = stream.message.take() else {
                fail(
                    stream,
                    GRPCStatus(
                        .unimplemented,
                        "\(stream.head.method.path) takes exactly one request message, and none was sent; send one"
                    )
                )
                return
            }
            startUnary(stream, message, handler)
        }
    }

    /// Lets the client send more: what is buffered but not consumed by a streaming handler stays withheld.
    ///
    /// Bytes of a message that is still arriving are given back at once, because it must be able to arrive whole.
    func topUpWindow(of stream: CallStream) {
        guard !stream.requestEnded, stream.answered == nil else { return }
        let window = initialWindow
        let increment = window - stream.queuedBytes - stream.inboundWindow
        guard increment >= max(1, window / 2) else { return }
        stream.inboundWindow += increment
        codec?.sendWindowUpdate(increment, on: stream.id)
        if !isReading { scheduleFlush() }
    }

    /// A streaming handler has taken messages off its queue.
    func consumed(_ bytes: Int, by stream: CallStream) {
        stream.queuedBytes -= bytes
        let released = min(bytes, stream.reserved)
        stream.reserved -= released
        server.budget.release(released)
        if !stream.isClosed { topUpWindow(of: stream) }
    }

    /// Sets the timers of requests that did not arrive in one burst.
    func watchIncompleteRequests() {
        for stream in incomplete where !stream.isClosed && stream.answered == nil {
            if !stream.requestEnded {
                armTimer(stream.receivingSince + TimeAmount(server.configuration.requestTimeout))
            }
            armDeadline(of: stream)
        }
        incomplete.removeAll(keepingCapacity: true)
    }
}

extension Optional {
    /// The value, leaving nil behind, so that it has one owner.
    mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
