// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1
internal import Values

/// What the headers of a request say about its body (MCP 2026-07-28, Transports), to be compared with it.
final class HeaderClaims: Sendable {
    /// A header that repeats a text of the body.
    struct Claim: Sendable {
        /// The header's name as it is shown.
        let shownName: String
        /// The value of the first such header as it came; nil without one.
        let value: String?
        /// The text that the value stands for; nil without one, and where the value claims to be coded and is not.
        let text: String?
        /// Whether the header is there more than once.
        let isRepeated: Bool

        fileprivate init(_ headers: HTTPHeaders, _ name: String, _ shownName: String, isCoded: Bool) {
            self.shownName = shownName
            value = headers.value(name)
            text = value.flatMap { isCoded ? HeaderValue.decode($0) : String(HeaderValue.trim($0)) }
            isRepeated = headers.count(of: name) > 1
        }

        /// Compares the header with what the body says.
        ///
        /// - Throws: -32020 when it is missing, there twice, or says something else.
        func check(_ said: String) throws(JSONRPCError) {
            guard let value else {
                throw .headerMismatch("the header \(shownName) is missing; send \(HeaderValue.encode(said))")
            }
            guard !isRepeated else { throw .headerMismatch("the header \(shownName) is there more than once") }
            guard let text, text.hasSameBytes(as: said) else {
                throw .headerMismatch("the header \(shownName) says \(value), and the body \(said)")
            }
        }
    }

    private let version: Claim
    private let method: Claim
    private let name: Claim

    init(_ headers: HTTPHeaders) {
        version = Claim(headers, "mcp-protocol-version", "MCP-Protocol-Version", isCoded: false)
        method = Claim(headers, "mcp-method", "Mcp-Method", isCoded: true)
        name = Claim(headers, "mcp-name", "Mcp-Name", isCoded: true)
    }

    /// Whether there is any `Mcp-Method`.
    var namesMethod: Bool { method.value != nil }

    /// Compares the headers with the body.
    ///
    /// - Parameters:
    ///   - version: what the body says in `MCPMetaKey.protocolVersion`.
    ///   - name: the parameter that `Mcp-Name` repeats, where the method has one (``ModernRequest/nameKey(of:)``) and it is there.
    /// - Throws: -32020 for what is missing, there twice, or says something else.
    func check(version: String, method: String, name: Value?) throws(JSONRPCError) {
        try self.version.check(version)
        try self.method.check(method)
        guard let key = ModernRequest.nameKey(of: method) else {
            guard !self.name.isRepeated else {
                throw .headerMismatch("the header \(self.name.shownName) is there more than once")
            }
            return
        }
        guard let name, !name.isNull else {
            // A name that is not there is the application's to refuse; a header that says one is not to be believed.
            guard self.name.value == nil else {
                throw .headerMismatch(
                    "the header \(self.name.shownName) says a name, and params.\(key) is not there")
            }
            return
        }
        guard case .string(let name) = name else {
            throw .headerMismatch(
                "the header \(self.name.shownName) cannot say what params.\(key) says, which is no string")
        }
        try self.name.check(name)
    }
}
