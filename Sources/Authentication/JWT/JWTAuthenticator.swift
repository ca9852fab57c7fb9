// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Values

/// Takes signed tokens (JSON Web Tokens) of the issuers that it knows.
///
/// A token that was found good is remembered by its fingerprint, for at most a minute and never past its end or past a change of
/// its issuer's keys: then the next request with it costs no signature check.
package final class JWTAuthenticator: Authenticator {
    /// How many tokens are remembered.
    static let capacity = 4_096
    /// For how many seconds a token is remembered.
    static let memory: Int64 = 60

    private struct Known {
        let principal: Principal
        let until: Int64
        let issuer: Int
        let generation: UInt64
    }

    private let issuers: [TokenIssuer]
    private let clock: WallClock
    private let known = Mutex<[TokenFingerprint: Known]>([:])

    /// Makes an authenticator.
    ///
    /// - Parameters:
    ///   - issuers: Whose tokens are taken, each under a name of its own.
    ///   - clock: What tells the time.
    package init(issuers: [TokenIssuer], clock: WallClock = .system) {
        self.issuers = issuers
        self.clock = clock
    }

    /// The principal of a token that was verified a moment ago.
    package func recognize(_ token: BearerToken) -> Principal? {
        guard let known = known.withLock({ $0[token.fingerprint] }), clock.now < known.until,
            issuers[known.issuer].keys.generation == known.generation
        else { return nil }
        return known.principal
    }

    /// Verifies a token: its form, its issuer, its signature, and then what it claims.
    package func authenticate(_ token: BearerToken) async throws(AuthenticationRefusal) -> Principal? {
        guard SignedToken.looksLikeOne(token.text) else { return nil }
        if let principal = recognize(token) { return principal }
        let signed = try SignedToken(token.text)
        guard case .string(let name)? = signed.claims["iss"] else {
            throw SignedToken.fault("the token does not say who issued it (iss)")
        }
        guard let index = issuers.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else {
            throw AuthenticationRefusal(
                .invalid, "the token's issuer (iss) is not trusted here; get one from an issuer that is",
                detail: "iss \(Value.string(String(name.prefix(200))))")
        }
        let issuer = issuers[index]
        // Before the key: if keys change meanwhile, what is remembered counts as old.
        let generation = issuer.keys.generation
        let key = try await issuer.keys.key(signed.keyID, signed.algorithm)
        guard key.algorithm == signed.algorithm, key.isValid(signed.signature, of: signed.signedBytes) else {
            throw SignedToken.fault("the token's signature is not that of its issuer")
        }
        let now = clock.now
        let principal = try issuer.principal(claiming: signed.claims, now: now)
        remember(
            token.fingerprint,
            Known(
                principal: principal, until: min(now + Self.memory, principal.expiry ?? now), issuer: index,
                generation: generation),
            now: now)
        return principal
    }

    private func remember(_ fingerprint: TokenFingerprint, _ entry: Known, now: Int64) {
        known.withLock { known in
            if known.count >= Self.capacity {
                known = known.filter { $0.value.until > now }
                // Still full of good tokens: which one has to go does not matter, it only costs a signature check.
                if known.count >= Self.capacity, let first = known.first { known[first.key] = nil }
            }
            known[fingerprint] = entry
        }
    }
}
