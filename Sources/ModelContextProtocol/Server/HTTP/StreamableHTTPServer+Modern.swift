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
        if facts.version == nil, facts.namesMethod { return true }
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
        _ modern: ModernServing, _ context: MCPHTTPContext, _ exchange: HTTPExchange, _ forms: AcceptedForms,
        _ input: JSONRPCInput, _ slot: TaskSlot
    ) async throws(HTTPRefusal) {
        let headers = context.request.headers
        switch input {
        case .single(.failure(let fault)):
            throw HTTPRefusal(status: .badRequest, error: fault.error, id: fault.id)
        case .batch:
            throw .badRequest("revision \(ProtocolRevision.latestModern) has no batches; send one message at a time")
        case .single(.success(.response)):
            throw .badRequest("revision \(ProtocolRevision.latestModern) has no requests of the server to answer")
        case .single(.success(.notification)):
            // There are none over HTTP in this revision: what clients send of old habit is taken, and means nothing.
            let version = headers.value("mcp-protocol-version") ?? ""
            guard ProtocolRevision(version)?.era == .modern else {
                throw HTTPRefusal(.unsupportedVersion(version, supported: modern.supported), id: nil)
            }
            exchange.send(HTTPServerResponse(status: .accepted))
        case .single(.success(.request(let id, let method, let params))):
            let envelope: MCPRequestEnvelope
            do throws(JSONRPCError) {
                envelope = try modernEnvelope(modern, headers, method, params)
            } catch {
                throw HTTPRefusal(error, id: id)
            }
            let session = MCPServerSession(
                id: "", principal: context.principal, revision: envelope.revision, isStateless: true,
                envelope: envelope, limits: settings.limits, eventLoop: exchange.eventLoop)
            let answer = ModernHTTPAnswer(exchange, forms: forms, heartbeat: settings.limits.heartbeat)
            let call = MCPServerCall(
                session: session, id: id, method: method, params: params, http: context, envelope: envelope,
                outlet: answer)
            // Who closes the stream, or only its own side, does not want the answer (MCP 2026-07-28, Cancellation).
            exchange.endsWithInput()
            exchange.onClose { slot.cancel() }
            guard method.hasSameBytes(as: MCPMethod.listen) else {
                guard forms.events else { return await answerModern(call, modern, headers, slot) }
                silentAnswers.insert(answer, on: exchange.eventLoop)
                defer { silentAnswers.remove(answer) }
                return await answerModern(call, modern, headers, slot)
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

    private func answerModern(
        _ call: MCPServerCall, _ modern: ModernServing, _ headers: HTTPHeaders, _ slot: TaskSlot
    ) async {
        if let mismatch = await parameterMismatch(call, headers) {
            return call.outlet.answer(call.id, .failure(.headerMismatch(mismatch)))
        }
        await modern.run(call, slot)
    }

    private func modernEnvelope(
        _ modern: ModernServing, _ headers: HTTPHeaders, _ method: String, _ params: Document?
    ) throws(JSONRPCError) -> MCPRequestEnvelope {
        let named = headers.value("mcp-protocol-version")
        if let named, ProtocolRevision(named) == nil, !ModernRequest.isModern(params) {
            // A client of a revision that nobody here knows may have other ways to say the rest.
            throw .unsupportedVersion(named, supported: modern.supported)
        }
        if method.hasSameBytes(as: MCPMethod.initialize), !ModernRequest.isModern(params) {
            // Of a client of earlier revisions, which there are none of here; or of one that says that it is of this revision.
            if let named, ProtocolRevision(named)?.era == .modern { throw .methodNotFound(method) }
            let version = params?["protocolVersion"]?.stringValue ?? named ?? ""
            throw .unsupportedVersion(version, supported: modern.supported)
        }
        let (meta, version) = try ModernRequest.meta(params)
        try ModernRequest.check(headers, version: version, method: method, params: params)
        return try ModernRequest.envelope(meta, version: version, method: method, supported: modern.supported)
    }

    /// What is wrong with the `Mcp-Param-*` headers of a call of a tool.
    private func parameterMismatch(_ call: MCPServerCall, _ headers: HTTPHeaders) async -> String? {
        guard call.method.hasSameBytes(as: MCPMethod.callTool), let name = call.params?["name"]?.stringValue,
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
