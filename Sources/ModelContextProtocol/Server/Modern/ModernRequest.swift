// SPDX-License-Identifier: Apache-2.0

internal import Values

/// A request of revision 2026-07-28, and what is checked of it before anybody answers it.
struct ModernRequest {
    /// The methods of earlier revisions that this one has no more.
    private static let removed = [
        MCPMethod.initialize, MCPMethod.ping, "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
    ]

    let method: String
    /// What it says of itself; nil when it says nothing.
    let meta: Document?
    /// The parameter that the header `Mcp-Name` repeats; nil when the method has none, or it is not there.
    let name: Value?
    /// Whether it brings answers to what an earlier result asked, or the state that one gave.
    let bringsInput: Bool

    /// Takes out of a request what is looked at first, in one pass.
    init(_ method: String, _ params: Document?) {
        self.method = method
        let nameKey = Self.nameKey(of: method)
        guard let json = params?.encoded as? EncodedJSON else {
            meta = params?.document("_meta")
            name = nameKey.flatMap { params?[$0] }
            bringsInput = params?["inputResponses"] != nil || params?["requestState"] != nil
            return
        }
        var meta: Document?
        var name: Value?
        var bringsInput = false
        json.forEachMember { member in
            if member.isNamed("_meta") {
                meta = Document(encoded: member.encoded)
            } else if let nameKey, member.isNamed(nameKey) {
                name = member.value
            } else if member.isNamed("inputResponses") || member.isNamed("requestState") {
                bringsInput = true
            }
        }
        self.meta = meta
        self.name = name
        self.bringsInput = bringsInput
    }

    /// Whether it says which revision it speaks: requests of earlier revisions do not.
    var isModern: Bool { meta?[MCPMetaKey.protocolVersion] != nil }

    /// Whether parameters say which revision their request speaks.
    static func isModern(_ params: Document?) -> Bool {
        params?.document("_meta")?[MCPMetaKey.protocolVersion] != nil
    }

    /// The envelope of a request, if its revision is spoken here and has its method.
    ///
    /// - Parameters:
    ///   - claims: what the headers say of it; nil where there are none.
    ///   - memo: where what the requests before have said is kept, if anywhere.
    /// - Throws: -32602 when something that must be there is not; -32020 for headers that say something else; -32022 when the revision
    ///   is not spoken; -32601 for a method that it does not have.
    func envelope(
        supported: [ProtocolRevision], claims: HeaderClaims? = nil, memo: EnvelopeMemo? = nil
    ) throws(JSONRPCError) -> MCPRequestEnvelope {
        if let meta, let known = memo?.find(meta) {
            try claims?.check(version: known.revision.name, method: method, name: name)
            try checkMethod()
            return known
        }
        let (meta, version) = try checkedMeta()
        try claims?.check(version: version, method: method, name: name)
        guard let revision = ProtocolRevision(version), revision.era == .modern else {
            throw .unsupportedVersion(version, supported: supported)
        }
        try checkMethod()
        let envelope = MCPRequestEnvelope(revision: revision, meta: meta)
        memo?.keep(envelope)
        return envelope
    }

    /// What the request says of itself, without deciding whether its revision is spoken.
    private func checkedMeta() throws(JSONRPCError) -> (meta: Document, version: String) {
        guard let meta, meta.isObject else {
            throw .invalidParams(
                "params._meta must be an object with \(MCPMetaKey.protocolVersion) and \(MCPMetaKey.clientCapabilities)"
            )
        }
        guard case .string(let version) = meta[MCPMetaKey.protocolVersion] else {
            throw .invalidParams("params._meta needs \(MCPMetaKey.protocolVersion), a string")
        }
        guard let capabilities = meta.document(MCPMetaKey.clientCapabilities), capabilities.isObject else {
            throw .invalidParams(
                "params._meta needs \(MCPMetaKey.clientCapabilities), an object, which may be empty")
        }
        if let level = meta[MCPMetaKey.logLevel], !level.isNull {
            guard let name = level.stringValue, MCPLogLevel(rawValue: name) != nil else {
                let names = MCPLogLevel.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalidParams("\(MCPMetaKey.logLevel) must be one of \(names)")
            }
        }
        return (meta, version)
    }

    private func checkMethod() throws(JSONRPCError) {
        guard !Self.removed.contains(where: method.hasSameBytes(as:)) else { throw .methodNotFound(method) }
    }

    /// Which parameter the header `Mcp-Name` repeats; nil for methods without one.
    static func nameKey(of method: String) -> String? {
        if method.hasSameBytes(as: MCPMethod.callTool) || method.hasSameBytes(as: MCPMethod.getPrompt) { return "name" }
        return method.hasSameBytes(as: MCPMethod.readResource) ? "uri" : nil
    }
}
