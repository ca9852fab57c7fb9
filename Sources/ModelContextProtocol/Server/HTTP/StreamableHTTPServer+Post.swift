// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Values

/// POST: messages of the client.
extension StreamableHTTPServer {
    func post(
        _ context: MCPHTTPContext, _ facts: RequestFacts, _ exchange: HTTPExchange, _ slot: TaskSlot
    ) async throws(HTTPRefusal) {
        let request = context.request
        guard facts.hasJSONBody else {
            throw HTTPRefusal(
                status: .unsupportedMediaType, error: .invalidRequest("a POST needs content-type: application/json"))
        }
        let forms = facts.forms
        guard forms.json || forms.events else {
            throw HTTPRefusal(
                status: .notAcceptable,
                error: .invalidRequest("accept must list application/json and text/event-stream"))
        }
        let input = JSONRPCInput(decoding: Array(buffer: request.body))
        if let modern, isModern(facts, input) {
            return try await postModern(modern, context, facts, exchange, input, slot)
        }
        let revision = try headerRevision(facts, asking: input)
        switch input {
        case .single(.failure(let fault)):
            throw HTTPRefusal(status: .badRequest, error: fault.error, id: fault.id)
        case .single(.success(let message)):
            if case .request(let id, let method, let params) = message {
                if method.hasSameBytes(as: MCPMethod.initialize) {
                    let answer = HTTPAnswer(exchange, forms: forms, requests: 1, isBatch: false)
                    return try await initialize(context, exchange, answer, id, params)
                }
                if method.hasSameBytes(as: MCPMethod.discover) {
                    throw HTTPRefusal(status: .badRequest, error: .methodNotFound(method), id: id)
                }
            }
            let session = try session(for: context, facts, exchange, revision)
            try await take(message, session, context, exchange, forms, slot)
        case .batch(let messages):
            let session = try session(for: context, facts, exchange, revision)
            try await take(messages, session, context, exchange, forms, slot)
        }
    }

    // MARK: Sessions

    /// The revision that the version header names; nil without one.
    private func headerRevision(
        _ facts: RequestFacts, asking input: JSONRPCInput? = nil
    ) throws(HTTPRefusal) -> ProtocolRevision? {
        guard let name = facts.version else { return nil }
        if let revision = facts.revision, revision.era == .handshake { return revision }
        // A client that also speaks a later revision takes the list, and begins with `initialize`.
        let supported = ProtocolRevision.handshake.map { Value.string($0.name) }
        var id: JSONRPCID?
        if case .single(.success(.request(let requestID, _, _))) = input { id = requestID }
        throw HTTPRefusal(
            status: .badRequest,
            error: JSONRPCError(
                code: JSONRPCError.unsupportedProtocolVersionCode,
                message: "the MCP revision \(name) is not spoken here; begin with initialize",
                data: ["supported": .array(supported), "requested": .string(name)]),
            id: id)
    }

    /// The session that a request belongs to; of a stateless endpoint one for this request alone.
    func session(
        for context: MCPHTTPContext, _ facts: RequestFacts, _ exchange: HTTPExchange, _ revision: ProtocolRevision?
    ) throws(HTTPRefusal) -> MCPServerSession {
        if application.isStateless {
            return MCPServerSession(
                id: "", principal: context.principal, revision: revision ?? .assumedWithoutHeader, isStateless: true,
                limits: settings.limits, eventLoop: exchange.eventLoop)
        }
        guard let id = facts.sessionID else {
            throw .badRequest("the request has no Mcp-Session-Id; begin a session with initialize, and send its id")
        }
        guard let session = sessions.find(id, of: context.principal), !session.isEnded else {
            throw HTTPRefusal(
                status: .notFound, error: .invalidRequest("the session is unknown or over; begin a new one"))
        }
        session.touch()
        return session
    }

    /// The session of a GET or DELETE.
    func session(
        for context: MCPHTTPContext, _ facts: RequestFacts, _ exchange: HTTPExchange
    ) throws(HTTPRefusal) -> MCPServerSession {
        try session(for: context, facts, exchange, try headerRevision(facts))
    }

    private func initialize(
        _ context: MCPHTTPContext, _ exchange: HTTPExchange, _ answer: HTTPAnswer, _ id: JSONRPCID,
        _ params: Document?
    ) async throws(HTTPRefusal) {
        guard context.request.headers.value("mcp-session-id") == nil else {
            throw .badRequest("this session has begun already; send initialize without Mcp-Session-Id", id: id)
        }
        let parameters: InitializeParameters
        do throws(JSONRPCError) {
            parameters = try InitializeParameters(params)
        } catch {
            return answer.answer(id, .failure(error))
        }
        if application.isStateless {
            let session = MCPServerSession(
                id: "", principal: context.principal, revision: parameters.revision, isStateless: true,
                limits: settings.limits, eventLoop: exchange.eventLoop)
            session.begin(parameters)
            answer.answer(id, await application.answer(session, parameters))
            return
        }
        guard !refusesSessions else { throw Self.shutDown.with(id) }
        guard sessions.reserve() else {
            throw HTTPRefusal(
                status: .serviceUnavailable,
                error: .internalError(
                    "\(settings.limits.maxSessions) sessions are open, as many as may be; try again later"),
                id: id, headers: ["retry-after": "30"])
        }
        let session = MCPServerSession(
            id: SessionTable.newID(), principal: context.principal, revision: parameters.revision,
            limits: settings.limits, eventLoop: exchange.eventLoop
        ) { [self] in sessionEnded($0) }
        session.begin(parameters)
        let result = await application.answer(session, parameters)
        guard case .success = result else {
            sessions.release()
            session.end()
            return answer.answer(id, result)
        }
        guard sessions.add(session) else {
            session.end()
            throw Self.shutDown.with(id)
        }
        answer.setHeader("mcp-session-id", session.id)
        answer.answer(id, result)
    }

    // MARK: Messages

    private func take(
        _ message: JSONRPCMessage, _ session: MCPServerSession, _ context: MCPHTTPContext, _ exchange: HTTPExchange,
        _ forms: AcceptedForms, _ slot: TaskSlot
    ) async throws(HTTPRefusal) {
        switch message {
        case .request(let id, let method, let params):
            let answer = HTTPAnswer(exchange, forms: forms, requests: 1, isBatch: false, session: session)
            // Without a session nothing else can end the call of a client that has gone.
            if session.isStateless { exchange.onClose { slot.cancel() } }
            let call = MCPServerCall(
                session: session, id: id, method: method, params: params, http: context, outlet: answer,
                isAlone: session.isStateless)
            await application.run(call, slot)
        case .notification(let method, let params):
            session.take(method, params)
            await application.notification(method, params, from: session)
            exchange.send(HTTPServerResponse(status: .accepted))
        case .response(let id, let result):
            session.resolve(id, result)
            exchange.send(HTTPServerResponse(status: .accepted))
        }
    }

    private func take(
        _ messages: [Result<JSONRPCMessage, JSONRPCFault>], _ session: MCPServerSession, _ context: MCPHTTPContext,
        _ exchange: HTTPExchange, _ forms: AcceptedForms, _ slot: TaskSlot
    ) async throws(HTTPRefusal) {
        guard session.revision.allowsBatches else {
            throw .badRequest("revision \(session.revision) has no batches; send one message at a time")
        }
        guard messages.count <= settings.limits.maxBatch else {
            throw .badRequest("the batch has more than \(settings.limits.maxBatch) messages; send several")
        }
        var calls: [(id: JSONRPCID, method: String, params: Document?)] = []
        for message in messages {
            switch message {
            case .failure(let fault): throw HTTPRefusal(status: .badRequest, error: fault.error, id: fault.id)
            case .success(.request(let id, let method, let params)):
                guard !method.hasSameBytes(as: MCPMethod.initialize) else {
                    throw .badRequest("initialize must not be part of a batch", id: id)
                }
                calls.append((id, method, params))
            case .success: break
            }
        }
        for case .success(let message) in messages {
            switch message {
            case .notification(let method, let params):
                session.take(method, params)
                await application.notification(method, params, from: session)
            case .response(let id, let result): session.resolve(id, result)
            case .request: break
            }
        }
        guard !calls.isEmpty else { return exchange.send(HTTPServerResponse(status: .accepted)) }
        let answer = HTTPAnswer(
            exchange, forms: forms, requests: calls.count, isBatch: true, session: session)
        let executor = executors.of(exchange.eventLoop)
        for (id, method, params) in calls {
            let call = MCPServerCall(
                session: session, id: id, method: method, params: params, http: context, outlet: answer)
            let slot = TaskSlot()
            if session.isStateless { exchange.onClose { slot.cancel() } }
            let started = tasks.start(on: executor, slot) { [application] in await application.run(call, slot) }
            if !started { answer.abandon(id) }
        }
    }
}

extension HTTPRefusal {
    /// The same for a request with an id.
    func with(_ id: JSONRPCID) -> HTTPRefusal {
        var copy = self
        copy.id = id
        return copy
    }
}
