// SPDX-License-Identifier: Apache-2.0

package import Values

/// What clients are told about how to get a token (RFC 9728): which servers issue them, and for what.
package struct ProtectedResource: Sendable, Equatable {
    /// Where such documents are (RFC 9728, section 3).
    package static let wellKnownPath = "/.well-known/oauth-protected-resource"

    /// The public URL that all paths are below, without a slash at its end: `https://gateway.example.com`.
    package let base: String
    /// The issuers whose tokens are taken; at least one.
    package let authorizationServers: [String]
    /// The scopes that have a meaning here.
    package let scopes: [String]

    /// Makes the description of what lies below a URL.
    ///
    /// - Returns: Nil without an authorization server, because clients can do nothing with it then.
    package init?(base: String, authorizationServers: [String], scopes: [String]) {
        guard !authorizationServers.isEmpty else { return nil }
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.authorizationServers = authorizationServers
        self.scopes = scopes
    }

    /// The path of the resource that a document is about, if this is the path of one.
    ///
    /// - Returns: Empty for the whole, `/mcp` for `/.well-known/oauth-protected-resource/mcp`; nil for other paths.
    package static func resourcePath(ofDocument path: String) -> String? {
        guard path.utf8.starts(with: wellKnownPath.utf8) else { return nil }
        let rest = path.utf8.dropFirst(wellKnownPath.utf8.count)
        guard rest.isEmpty || rest.first == UInt8(ascii: "/") else { return nil }
        return rest.count <= 1 ? "" : String(Substring(rest))
    }

    /// The URL of the document about the resource at a path.
    package func documentURL(forPath path: String) -> String {
        // A base with a path of its own has the well-known part before it (RFC 9728, section 3.1).
        let (origin, prefix) = split
        return origin + Self.wellKnownPath + prefix + path
    }

    /// The document about the resource at a path.
    package func document(forPath path: String) -> Value {
        var members: ValueObject = [
            "resource": .string(base + path),
            "authorization_servers": .array(authorizationServers.map { .string($0) }),
            "bearer_methods_supported": ["header"],
        ]
        if !scopes.isEmpty { members["scopes_supported"] = .array(scopes.map { .string($0) }) }
        return .object(members)
    }

    /// The base's origin, and its path.
    private var split: (origin: String, path: String) {
        let bytes = base.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let start = bytes.index(colon, offsetBy: 3, limitedBy: bytes.endIndex),
            let slash = bytes[start...].firstIndex(of: UInt8(ascii: "/"))
        else { return (base, "") }
        return (String(base[..<slash]), String(base[slash...]))
    }
}
