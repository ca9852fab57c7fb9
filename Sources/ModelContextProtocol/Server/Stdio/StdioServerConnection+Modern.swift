// SPDX-License-Identifier: Apache-2.0

internal import Values

/// Requests of revision 2026-07-28: each says itself what it needs, and none begins a session.
extension StdioServerConnection {
    /// Whether a request belongs to that revision: its connection has settled on it, or the request says so before a session has begun.
    func isModern(_ method: String, _ params: Document?, _ phase: Phase) -> Bool {
        switch phase {
        case .modern: true
        case .open: false
        case .new, .initializing:
            !method.hasSameBytes(as: MCPMethod.initialize)
                && (method.hasSameBytes(as: MCPMethod.discover) || ModernRequest.isModern(params))
        }
    }

    func takeModern(
        _ modern: ModernServing, _ id: JSONRPCID, _ method: String, _ params: Document?, _ outlet: any CallOutlet
    ) {
        let request = ModernRequest(method, params)
        let envelope: MCPRequestEnvelope
        do throws(JSONRPCError) {
            if method.hasSameBytes(as: MCPMethod.initialize) {
                let version = params?["protocolVersion"]?.stringValue ?? ""
                throw .unsupportedVersion(version, supported: modern.supported.filter { $0.era == .modern })
            }
            envelope = try request.envelope(supported: modern.supported, memo: envelopes)
        } catch {
            return outlet.answer(id, .failure(error))
        }
        // Who has asked what there is may still choose to begin a session.
        if !method.hasSameBytes(as: MCPMethod.discover) { settleOnModern() }
        let session = MCPServerSession(
            id: "", principal: nil, revision: envelope.revision, isStateless: true, envelope: envelope, limits: limits,
            eventLoop: self.session.eventLoop)
        start(
            MCPServerCall(
                session: session, id: id, method: method, params: params, http: nil, envelope: envelope,
                outlet: outlet, bringsInput: request.bringsInput, register: self.session)
        ) { call, slot in await modern.run(call, slot) }
    }

    /// Acts on a notification of a client that has no session: the only one there is takes back a request.
    func takeModernNotification(_ method: String, _ params: Document?) {
        guard method.hasSameBytes(as: MCPMethod.cancelled) else { return }
        if let id = params?["requestId"].flatMap(JSONRPCID.init) { session.cancel(id) }
    }
}
