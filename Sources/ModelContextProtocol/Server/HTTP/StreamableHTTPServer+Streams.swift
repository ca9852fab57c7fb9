// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1

/// GET and DELETE: the stream of messages that belong to no call, and the end of a session.
extension StreamableHTTPServer {
    func get(_ context: MCPHTTPContext, _ exchange: HTTPExchange, _ slot: TaskSlot) async throws(HTTPRefusal) {
        guard !application.isStateless else { throw methodNotAllowed(.GET) }
        guard AcceptedForms(context.request.headers).events else {
            throw HTTPRefusal(
                status: .notAcceptable, error: .invalidRequest("accept must list text/event-stream"))
        }
        let session = try session(for: context, exchange)
        guard !refusesSessions else { throw Self.shutDown }
        let stream = exchange.stream(status: .ok, headers: EventStream.headers)
        exchange.onClose { slot.cancel() }
        let period = TimeAmount(settings.limits.heartbeat)
        let heartbeat = exchange.eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
            // When the client is gone, the write finds out, and `onClose` is called.
            try? stream.writeNow(ServerSentEvent.comment)
        }
        await session.stream { message in
            try await stream.write(EventStream.event(message))
        }
        heartbeat.cancel()
        stream.finish()
    }

    func delete(_ context: MCPHTTPContext, _ exchange: HTTPExchange) throws(HTTPRefusal) {
        guard !application.isStateless else { throw methodNotAllowed(.DELETE) }
        try session(for: context, exchange).end()
        exchange.send(HTTPServerResponse(status: .noContent))
    }
}
