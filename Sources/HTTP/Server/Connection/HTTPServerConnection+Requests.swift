// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets
import NIOHTTP1

/// How requests arrive and get their turn.
extension HTTPServerConnection {
    func received(_ head: HTTPRequestHead) {
        if receivingSince == nil { receivingSince = .now() }
        switch RequestFraming.read(head, configuration: server.configuration) {
        case .failure(let refusal):
            refuse(refusal)
        case .success(let framing):
            // Behind the last request the parser understands nothing.
            incoming = Incoming(
                head: Head(
                    method: head.method, version: head.version, target: head.uri, headers: head.headers,
                    keepAlive: head.isKeepAlive && !framing.isLast),
                isLast: framing.isLast, owesContinue: framing.expectsContinue)
            sendContinueIfDue()
        }
    }

    /// Takes the head of an ordinary request, which the parser has not seen.
    func received(_ plain: PlainRequestHead) {
        guard takes() else { return }
        let head = Head(
            method: plain.method, version: .http1_1, target: plain.target, headers: plain.headers, keepAlive: true,
            notes: plain.notes)
        incoming = Incoming(head: head, isLast: false, owesContinue: false)
        if plain.contentLength == 0 { receivedEnd() }
    }

    /// Takes a piece of the body of an ordinary request.
    func received(_ piece: ByteBuffer, isLast: Bool) {
        guard takes() else { return }
        received(piece)
        if isLast { receivedEnd() }
    }

    func received(_ bytes: ByteBuffer) {
        guard let size = incoming?.body.readableBytes else { return }
        guard size + bytes.readableBytes <= server.configuration.maxBodySize else {
            refuse(.bodyTooLarge(server.configuration))
            return
        }
        guard server.budget.reserve(bytes.readableBytes) else {
            refuse(.outOfMemory(limit: server.budget.limit))
            return
        }
        if size == 0 {
            // Nearly always all of it: a slice of what was read, not a copy.
            incoming?.body = bytes
        } else {
            incoming?.body.writeImmutableBuffer(bytes)
        }
        incoming?.owesContinue = false
    }

    func receivedEnd() {
        guard let request = incoming else { return }
        incoming = nil
        receivingSince = nil
        if request.isLast { isDeaf = true }
        waiting.append(.request(request.head, body: request.body))
        serveWaiting()
    }

    /// Answers what was asked before, then says what is wrong, then ends the connection.
    func refuse(_ refusal: RequestRefusal) {
        forgetIncoming()
        isDeaf = true
        waiting.append(.refusal(refusal))
        serveWaiting()
        if !isReading { flush() }
    }

    func forgetIncoming() {
        server.budget.release(incoming?.body.readableBytes ?? 0)
        incoming = nil
        receivingSince = nil
    }

    /// Gives what waits to the responder, for as long as it answers at once and the client takes the answers.
    func serveWaiting() {
        guard !isServing else { return }
        isServing = true
        while current == nil, phase == .open, channel.isWritable, let next = waiting.popFirst() {
            switch next {
            case .request(let head, let body):
                serve(head, body)
            case .refusal(let refusal):
                server.logger.debug(
                    "refused a request of HTTP: \(refusal.reason)",
                    metadata: ["peer": "\(peer)", "status": "\(refusal.status.code)"])
                write(.text(refusal.status, refusal.reason), to: .GET, version: .http1_1, keepAlive: false)
                close()
            }
        }
        isServing = false
        if phase == .open {
            sendContinueIfDue()
            resumeReading()
        }
    }

    private func serve(_ head: Head, _ body: ByteBuffer) {
        guard server.beginRequest() else {
            server.budget.release(body.readableBytes)
            let limit = server.configuration.maxRequestsInFlight
            write(
                .text(
                    .serviceUnavailable,
                    "the server is answering as many requests as it may (\(limit)); "
                        + "try again later, or raise \(server.configuration.key("max_requests_in_flight")) on the server"
                ),
                to: head.method, version: head.version, keepAlive: head.keepAlive)
            if !head.keepAlive { close() }
            return
        }
        lastNumber += 1
        current = Current(
            number: lastNumber, method: head.method, version: head.version, keepAlive: head.keepAlive,
            reserved: body.readableBytes)
        server.responder.respond(
            to: HTTPServerRequest(
                method: head.method, target: head.target, headers: head.headers, body: body, peer: peer,
                notes: head.notes),
            on: HTTPExchange(connection: self, number: lastNumber))
    }

    /// Tells a client that waits for it to send its body, once it is that request's turn.
    private func sendContinueIfDue() {
        guard incoming?.owesContinue == true, current == nil, waiting.isEmpty else { return }
        incoming?.owesContinue = false
        outgoing.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        if !isReading { flush() }
    }
}
