// SPDX-License-Identifier: Apache-2.0

package import Values

/// Somebody whose identity was verified, and what is known about them.
///
/// Immutable and shared: all requests that come with one token hold the same object. Everything in it comes from
/// configuration or from claims whose signature was checked, never from what a client says about itself.
package final class Principal: Sendable {
    /// How the identity was verified.
    package enum Method: String, Sendable {
        /// Not at all: nobody has to say who they are.
        case anonymous
        /// By a token of the configuration.
        case staticToken = "bearer"
        /// By a signed token of an issuer.
        case jwt
        /// By a plugin, at `http_auth_resolve_user`.
        case plugin
    }

    /// How the identity was verified.
    package let method: Method
    /// Who it is, within ``issuer``.
    package let subject: String
    /// Who says so; nil for tokens of the configuration.
    package let issuer: String?
    /// What may be done.
    package let scopes: ScopeSet
    /// The tenant on whose behalf it is.
    package let tenant: String?
    /// The teams that it belongs to.
    package let teamIDs: [String]
    /// The e-mail address.
    package let email: String?
    /// Whether it may do what only administrators may.
    package let isAdmin: Bool
    /// The virtual servers that it is for; nil for all, the one that has everything included.
    package let servers: [String]?
    /// Who it is, as others are told: a name, or an object of attributes; nil for nobody.
    package let user: Value?
    /// All verified claims; empty unless they came in a signed token.
    package let claims: ValueObject
    /// When the identity ends, in seconds since 1970; nil for never.
    package let expiry: Int64?
    /// What is the same for all tokens of one principal, and differs for different ones.
    package let identity: PrincipalIdentity

    /// Makes a principal.
    package init(
        method: Method, subject: String, issuer: String? = nil, scopes: ScopeSet = .all, tenant: String? = nil,
        teamIDs: [String] = [], email: String? = nil, isAdmin: Bool = false, servers: [String]? = nil,
        user: Value? = nil, claims: ValueObject = ValueObject(), expiry: Int64? = nil
    ) {
        self.method = method
        self.subject = subject
        self.issuer = issuer
        self.scopes = scopes
        self.tenant = tenant
        self.teamIDs = teamIDs
        self.email = email
        self.isAdmin = isAdmin
        self.servers = servers
        self.user = user
        self.claims = claims
        self.expiry = expiry
        identity = PrincipalIdentity(method: method, issuer: issuer, tenant: tenant, subject: subject)
    }

    /// Who everybody is where nobody has to say who they are.
    package static let anonymous = Principal(method: .anonymous, subject: "anonymous")

    /// Whether a virtual server (nil: the one that has everything) may be used at all.
    package func mayUse(server id: String?) -> Bool {
        guard let servers else { return true }
        guard let id else { return false }
        return servers.contains { $0.hasSameBytes(as: id) }
    }
}

/// What tells principals apart: what sessions are bound to, and what shares are counted by.
///
/// Two tokens of one principal have equal identities; a subject of another issuer, tenant or way of verification has another.
package struct PrincipalIdentity: Hashable, Sendable, CustomStringConvertible {
    private let key: ByteKey

    init(method: Principal.Method, issuer: String?, tenant: String?, subject: String) {
        // Lengths in front, so that no text can reach into the next one.
        key = ByteKey(
            [method.rawValue, issuer ?? "", tenant ?? "", subject].map { "\($0.utf8.count):\($0)" }.joined())
    }

    /// The identity as one text, different for different ones; not for clients.
    package var description: String { key.text }
}
