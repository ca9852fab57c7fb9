// SPDX-License-Identifier: Apache-2.0

/// Bearer tokens of the configuration, each with the principal that has it.
package struct StaticTokens: Authenticator {
    private let entries: [(fingerprint: TokenFingerprint, principal: Principal)]

    /// Makes a list; of equal tokens the last counts.
    package init(_ tokens: [(token: String, principal: Principal)]) {
        entries = tokens.map { (TokenFingerprint(of: $0.token), $0.principal) }
    }

    /// Looks at every entry, whichever fits, so that time does not tell which one does.
    package func recognize(_ token: BearerToken) -> Principal? {
        var found: Principal?
        for entry in entries where entry.fingerprint.difference(to: token.fingerprint) == 0 { found = entry.principal }
        return found
    }

    /// The same as ``recognize(_:)``: there is nothing to wait for.
    package func authenticate(_ token: BearerToken) async throws(AuthenticationRefusal) -> Principal? {
        recognize(token)
    }
}
