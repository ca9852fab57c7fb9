// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1
internal import Values

/// What is checked of a request of revision 2026-07-28 before anybody answers it.
enum ModernRequest {
    /// The methods of earlier revisions that this one has no more.
    private static let removed = [
        MCPMethod.initialize, MCPMethod.ping, "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
    ]

    /// Whether parameters say which revision the request speaks: those of earlier revisions do not.
    static func isModern(_ params: Document?) -> Bool {
        params?.document("_meta")?[MCPMetaKey.protocolVersion] != nil
    }

    /// Reads what a request says of itself, without deciding whether its revision is spoken.
    ///
    /// - Throws: -32602 when something that must be there is not.
    static func meta(_ params: Document?) throws(JSONRPCError) -> (meta: Document, version: String) {
        guard let meta = params?.document("_meta"), meta.isObject else {
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

    /// The envelope of a request whose revision is spoken here.
    ///
    /// - Throws: -32022 when it is not; -32601 for a method that the revision does not have.
    static func envelope(
        _ meta: Document, version: String, method: String, supported: [ProtocolRevision]
    ) throws(JSONRPCError) -> MCPRequestEnvelope {
        guard let revision = ProtocolRevision(version), revision.era == .modern else {
            throw .unsupportedVersion(version, supported: supported)
        }
        guard !removed.contains(where: method.hasSameBytes(as:)) else { throw .methodNotFound(method) }
        return MCPRequestEnvelope(revision: revision, meta: meta)
    }

    // MARK: Headers

    /// Compares the headers of a request with its body.
    ///
    /// - Throws: -32020 for what is missing, there twice, or says something else.
    static func check(
        _ headers: HTTPHeaders, version: String, method: String, params: Document?
    ) throws(JSONRPCError) {
        try check(headers, "mcp-protocol-version", "MCP-Protocol-Version", isCoded: false, version)
        try check(headers, "mcp-method", "Mcp-Method", isCoded: true, method)
        guard let key = nameKey(of: method) else {
            guard headers.count(of: "mcp-name") < 2 else {
                throw .headerMismatch("the header Mcp-Name is there more than once")
            }
            return
        }
        guard let name = params?[key], !name.isNull else {
            // A name that is not there is the application's to refuse; a header that says one is not to be believed.
            guard headers.value("mcp-name") == nil else {
                throw .headerMismatch("the header Mcp-Name says a name, and params.\(key) is not there")
            }
            return
        }
        guard case .string(let name) = name else {
            throw .headerMismatch("the header Mcp-Name cannot say what params.\(key) says, which is no string")
        }
        try check(headers, "mcp-name", "Mcp-Name", isCoded: true, name)
    }

    private static func check(
        _ headers: HTTPHeaders, _ name: String, _ shownName: String, isCoded: Bool, _ text: String
    ) throws(JSONRPCError) {
        guard let value = headers.value(name) else {
            throw .headerMismatch("the header \(shownName) is missing; send \(HeaderValue.encode(text))")
        }
        guard headers.count(of: name) == 1 else {
            throw .headerMismatch("the header \(shownName) is there more than once")
        }
        let isSame =
            isCoded ? HeaderValue.matches(value, text) : HeaderValue.trim(value).utf8.elementsEqual(text.utf8)
        guard isSame else {
            throw .headerMismatch("the header \(shownName) says \(value), and the body \(text)")
        }
    }

    /// Which parameter the header `Mcp-Name` repeats; nil for methods without one.
    static func nameKey(of method: String) -> String? {
        if method.hasSameBytes(as: MCPMethod.callTool) || method.hasSameBytes(as: MCPMethod.getPrompt) { return "name" }
        return method.hasSameBytes(as: MCPMethod.readResource) ? "uri" : nil
    }
}
