// SPDX-License-Identifier: Apache-2.0

import Values

/// Under which names an issuer's tokens say what a principal is made of.
///
/// A name that begins with `/` is a path into the claims (`/realm_access/roles`; a JSON Pointer, RFC 6901, without escapes);
/// any other is the name of one claim, dots and all.
package struct ClaimNames: Sendable, Equatable {
    /// Who it is; has to be there.
    package var subject = "sub"
    /// The e-mail address: text.
    package var email = "email"
    /// The tenant: text.
    package var tenant = "tenant_id"
    /// The teams: an array of texts, or of objects with an `id`.
    package var teams = "teams"
    /// The scopes: text separated by spaces, or an array of texts; of several names the first that is there counts.
    package var scopes = ["scope", "scp"]
    /// Whether it is an administrator: true or false.
    package var admin = "is_admin"
    /// The virtual servers that the token is for: an array of texts; nil for tokens that do not say.
    package var servers: String?

    /// Makes the names that most issuers use.
    package init() {}

    /// The claim with a name.
    static func claim(_ name: String, in claims: ValueObject) -> Value? {
        guard name.utf8.first == UInt8(ascii: "/") else { return claims[name] }
        var value: Value? = .object(claims)
        for part in name.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            value = value?[String(Substring(part))]
        }
        return value
    }
}
