// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Sockets

/// GET and DELETE: streams of messages that belong to no call, streams that a client goes on with, and the end of a session.
extension StreamableHTTPServer {
    func get(
        _ context: MCPHTTPContext, _ facts: RequestFacts, _ exchange: HTTPExchange, _ slot: TaskSlot
    ) async throws(HTTPRefusal) {
        guard !application.isStateless else { throw methodNotAllowed(.GET) }
        guard facts.forms.events else {
            throw HTTPRefusal(
                status: .notAcceptable, error: .invalidRequest("accept must list text/event-stream"))
        }
        let session = try session(for: context, facts, exchange)
        let claimed = try claimedStream(context.request.headers, session)
        // A call in flight may still be answered while the endpoint drains.
        if claimed?.purpose == .call {
            return await resumeCall(claimed?.stream, session, exchange)
        }
        guard !refusesSessions else { throw Self.shutDown }
        await serveUnrelated(session, claimed?.stream, exchange, slot)
    }

    func delete(_ context: MCPHTTPContext, _ facts: RequestFacts, _ exchange: HTTPExchange) throws(HTTPRefusal) {
        guard !application.isStateless else { throw methodNotAllowed(.DELETE) }
        try session(for: context, facts, exchange).end()
        exchange.send(HTTPServerResponse(status: .noContent))
    }

    // MARK: Going on with a stream

    /// The stream that `Last-Event-ID` names; nil without one.
    ///
    /// The stream of a GET that is no longer known is begun anew: what it held is gone, what comes is not. A call's is refused,
    /// because its client would wait for an answer that never comes; with 400, for 404 would mean that the session is over.
    private func claimedStream(
        _ headers: HTTPHeaders, _ session: MCPServerSession
    ) throws(HTTPRefusal) -> (purpose: EventID.Purpose, stream: ClaimedStream)? {
        guard let text = headers.value("last-event-id"), !text.isEmpty else { return nil }
        guard headers.count(of: "last-event-id") == 1, let id = EventID(text) else {
            throw .badRequest("last-event-id is no event of this server; open a stream without it")
        }
        if let stream = session.streams?.claim(id) { return (id.purpose, stream) }
        guard id.purpose == .unrelated else {
            throw .badRequest(
                "the event \(id) is of no stream of this session that has anything left to send; send the request again "
                    + "if it may be done twice")
        }
        return nil
    }

    /// Sends what a client has missed of a call, and what is still to come, up to its answer.
    private func resumeCall(_ claimed: ClaimedStream?, _ session: MCPServerSession, _ exchange: HTTPExchange) async {
        let stream = exchange.stream(status: .ok, headers: EventStream.headers)
        guard let claimed, let streams = session.streams else { return stream.finish() }
        _ = await streams.replay(claimed, on: stream)
    }

    // MARK: Messages that belong to no call

    private func serveUnrelated(
        _ session: MCPServerSession, _ claimed: ClaimedStream?, _ exchange: HTTPExchange, _ slot: TaskSlot
    ) async {
        let stream = exchange.stream(status: .ok, headers: EventStream.headers)
        exchange.onClose { slot.cancel() }
        let period = TimeAmount(settings.limits.heartbeat)
        let heartbeat = exchange.eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
            // When the client is gone, the write finds out, and `onClose` is called.
            try? stream.writeNow(ServerSentEvent.comment)
        }
        defer {
            heartbeat.cancel()
            stream.finish()
        }
        let primes = session.revision.primesStreams
        let number: UInt64?
        if let claimed {
            guard let streams = session.streams,
                await streams.replay(claimed, on: stream, onTakeover: { slot.cancel() })
            else { return }
            number = claimed.number
        } else {
            number = session.streams?.open(
                .unrelated, on: stream, budget: exchange.budget, primes: primes, onTakeover: { slot.cancel() })
        }
        await session.stream {
            try await stream.waitForRoom()
        } write: { message in
            if let number, let streams = session.streams {
                try streams.write(message, to: number, on: stream)
            } else {
                try stream.writeNow(EventStream.event(message))
            }
        }
        if let number { session.streams?.leave(number, stream) }
        // A client whose stream had to end, because of a newer one or because we are shutting down, is not to come back at once.
        if primes, !session.isEnded { try? stream.writeNow(EventStream.closing(retry: settings.limits.streamRetry)) }
    }
}
