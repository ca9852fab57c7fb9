// SPDX-License-Identifier: Apache-2.0

package import NIOHTTP1

/// The token that a request carries, read as strictly as RFC 6750 has it.
package enum BearerCredentials {
    /// The token of a request.
    ///
    /// A token counts only in the one `Authorization` header (RFC 6750, section 2.1; MCP allows no other place). Credentials of
    /// another scheme count as none.
    ///
    /// - Parameters:
    ///   - headers: The request's headers.
    ///   - query: What follows `?` in its target.
    /// - Throws: ``AuthenticationRefusal/Code/missing`` or ``AuthenticationRefusal/Code/malformed``.
    package static func read(
        _ headers: HTTPHeaders, query: String?
    ) throws(AuthenticationRefusal) -> BearerToken {
        if let query { try check(query: query) }
        var found: String?
        for (name, value) in headers where isAuthorization(name) {
            guard found == nil else {
                throw AuthenticationRefusal(
                    .malformed, "the request has several Authorization headers; send one")
            }
            found = value
        }
        guard let found, let token = token(in: found) else {
            throw AuthenticationRefusal(
                .missing, "a bearer token is needed; send it as Authorization: Bearer TOKEN")
        }
        guard token.utf8.count <= BearerToken.maximumSize else {
            throw AuthenticationRefusal(
                .malformed, "the token is longer than \(BearerToken.maximumSize) bytes; use a shorter one")
        }
        guard BearerToken.isWellFormed(token.utf8) else {
            throw AuthenticationRefusal(
                .malformed,
                "the Authorization header holds no bearer token; send Authorization: Bearer TOKEN, with one space")
        }
        return BearerToken(String(token))
    }

    /// Checks that there is no token in a request's target.
    ///
    /// - Parameter query: What follows `?` in it.
    /// - Throws: ``AuthenticationRefusal/Code/malformed``.
    package static func check(query: String) throws(AuthenticationRefusal) {
        guard hasToken(query) else { return }
        throw AuthenticationRefusal(
            .malformed,
            "a token in the URL is not taken, because URLs are logged; send it in the Authorization header alone")
    }

    private static func isAuthorization(_ name: String) -> Bool {
        name.utf8.count == 13 && name.lowercased().utf8.elementsEqual("authorization".utf8)
    }

    /// What follows `Bearer` and its spaces; nil for another scheme.
    private static func token(in value: String) -> Substring? {
        let bytes = value.utf8
        let scheme = bytes.prefix { $0 != UInt8(ascii: " ") }
        guard scheme.count == 6, zip(scheme, "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 }) else { return nil }
        return Substring(bytes[scheme.endIndex...].drop { $0 == UInt8(ascii: " ") })
    }

    /// Whether a query has a member `access_token` (RFC 6750, section 2.3), however it is escaped.
    private static func hasToken(_ query: String) -> Bool {
        query.utf8.split(whereSeparator: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") }).contains { member in
            let name = member.prefix { $0 != UInt8(ascii: "=") }
            return unescaped(name).elementsEqual("access_token".utf8)
        }
    }

    private static func unescaped(_ text: Substring.UTF8View) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let code = UInt8(String(Substring(digits)), radix: 16) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
