// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Values

/// POST: requests of revision 2026-07-28, on the endpoint of the sessions of earlier ones.
extension StreamableHTTPServer {
    /// Whether a message belongs to revision 2026-07-28, by what tells it soonest: the header, else the body of a request that belongs to
    /// no session.
    func isModern(_ facts: RequestFacts, _ input: JSONRPCInput) -> Bool {
        guard speaksHandshake else { return true }
        if facts.version != nil, facts.era != .handshake { return true }
        guard case .single(.success(.request(_, let method, let params))) = input else { return false }
        if method.hasSameBytes(as: MCPMethod.discover) { return true }
        if facts.version == nil, facts.claims?.namesMethod == true { return true }
        return !method.hasSameBytes(as: MCPMethod.initialize) && ModernRequest.isModern(params)
    }

    /// Whether the headers of a request without a body are those of a revision without sessions.
    func isModern(_ facts: RequestFacts) -> Bool {
        guard modern != nil else { return false }
        guard speaksHandshake else { return true }
        return facts.era == .modern
    }

    /// The refusal of a GET or DELETE by a client that has no use for it.
    func modernMethodNotAllowed(_ method: HTTPMethod) -> HTTPRefusal {
        HTTPRefusal(
            status: .methodNotAllowed,
            error: .invalidRequest(
                "\(method.rawValue) is not served in revision \(ProtocolRevision.latestModern), which has no sessions; use POST"
            ),
            headers: ["allow": "POST"])
    }

    func postModern(
        _ modern: ModernServing, _ context: MCPHTTPContext, _ facts: RequestFacts, _ exchange: HTTPExchange,
        _ input: JSONRPCInput, _ slot: TaskSlot
    ) async throws(HTTPRefusal) {
        let forms = facts.forms
        switch input {
        case .single(.failure(let fault)):
            throw HTTPRefusal(status: .badRequest, error: fault.error, id: fault.id)
        case .batch:
            throw .badRequest("revision \(ProtocolRevision.latestModern) has no batches; send one message at a time")
        case .single(.success(.response)):
            throw .badRequest("revision \(ProtocolRevision.latestModern) has no requests of the server to answer")
        case .single(.success(.notification)):
            // There are none over HTTP in this revision: what clients send of old habit is taken, and means nothing.
            guard facts.era == .modern else {
                throw HTTPRefusal(.unsupportedVersion(facts.version ?? "", supported: modern.supported), id: nil)
            }
            exchange.send(HTTPServerResponse(status: .accepted))
        case .single(.success(.request(let id, let method, let params))):
            let request = ModernRequest(method, params)
            let envelope: MCPRequestEnvelope
            do throws(JSONRPCError) {
                envelope = try modernEnvelope(modern, request, params, facts, context.request.headers)
            } catch {
                throw HTTPRefusal(error, id: id)
            }
            let session = MCPServerSession(
                id: "", principal: context.principal, revision: envelope.revision, isStateless: true,
                envelope: envelope, limits: settings.limits, eventLoop: exchange.eventLoop)
            let answer = ModernHTTPAnswer(exchange, forms: forms, heartbeat: settings.limits.heartbeat)
            let call = MCPServerCall(
                session: session, id: id, method: method, params: params, http: context, envelope: envelope,
                outlet: answer, bringsInput: request.bringsInput, isAlone: true)
            // Who closes the stream, or only its own side, does not want the answer (MCP 2026-07-28, Cancellation).
            exchange.onClose(orEndOfInput: true) { slot.cancel() }
            guard method.hasSameBytes(as: MCPMethod.listen) else {
                if forms.events { silentAnswers.insert(answer, on: exchange.eventLoop) }
                defer { if forms.events { silentAnswers.remove(answer) } }
                if let mismatch = await parameterMismatch(call, request, context.request.headers) {
                    return answer.answer(id, .failure(.headerMismatch(mismatch)))
                }
                return await modern.run(call, slot)
            }
            guard !refusesSessions else { throw Self.shutDown.with(id) }
            guard forms.events else {
                throw HTTPRefusal(
                    status: .notAcceptable,
                    error: .invalidRequest("accept must list text/event-stream for \(MCPMethod.listen)"), id: id)
            }
            beginListening()
            await modern.run(call, slot)
            endListening()
        }
    }

    private func modernEnvelope(
        _ modern: ModernServing, _ request: ModernRequest, _ params: Document?, _ facts: RequestFacts,
        _ headers: HTTPHeaders
    ) throws(JSONRPCError) -> MCPRequestEnvelope {
        if let named = facts.version, facts.era == nil, !request.isModern {
            // A client of a revision that nobody here knows may have other ways to say the rest.
            throw .unsupportedVersion(named, supported: modern.supported)
        }
        if request.method.hasSameBytes(as: MCPMethod.initialize), !request.isModern {
            // Of a client of earlier revisions, which there are none of here; or of one that says that it is of this revision.
            if facts.era == .modern { throw .methodNotFound(request.method) }
            let version = params?["protocolVersion"]?.stringValue ?? facts.version ?? ""
            throw .unsupportedVersion(version, supported: modern.supported)
        }
        return try request.envelope(
            supported: modern.supported, claims: facts.claims ?? HeaderClaims(headers), memo: facts.envelopes)
    }

    /// What is wrong with the `Mcp-Param-*` headers of a call of a tool.
    private func parameterMismatch(
        _ call: MCPServerCall, _ request: ModernRequest, _ headers: HTTPHeaders
    ) async -> String? {
        guard call.method.hasSameBytes(as: MCPMethod.callTool), let name = request.name?.stringValue,
            let parameters = await application.parameterHeaders(ofTool: name, for: call)
        else { return nil }
        return parameters.mismatch(headers, call.params?.document("arguments"))
    }
}

extension HTTPRefusal {
    /// The refusal of a request of revision 2026-07-28.
    init(_ error: JSONRPCError, id: JSONRPCID?) {
        self.init(status: error.modernStatus, error: error, id: id)
    }
}
