// SPDX-License-Identifier: Apache-2.0

import Values

extension TokenIssuer {
    /// The principal of a token whose signature was found to be right.
    ///
    /// - Parameter now: The time, in seconds since 1970.
    /// - Throws: A refusal for claims that are missing, of another type than they should be, or not fulfilled now.
    func principal(claiming claims: ValueObject, now: Int64) throws(AuthenticationRefusal) -> Principal {
        let expiry = try checkTimes(claims, now: now)
        try checkAudience(claims)
        guard let subject = try text(self.claims.subject, claims), !subject.isEmpty else {
            throw SignedToken.fault("the token does not say who it is for (\(self.claims.subject))")
        }
        // An address that its owner never confirmed could be somebody else's.
        let email = claims["email_verified"] == false ? nil : try text(self.claims.email, claims)
        let teams = try list(self.claims.teams, claims) ?? []
        let isAdmin = try isAdmin(claims)
        var user: ValueObject = ["sub": .string(subject), "is_admin": .bool(isAdmin)]
        if let email { user["email"] = .string(email) }
        if !teams.isEmpty { user["teams"] = .array(teams.map { .string($0) }) }
        return Principal(
            method: .jwt, subject: subject, issuer: name, scopes: try scopes(claims),
            tenant: try text(self.claims.tenant, claims), teamIDs: teams, email: email, isAdmin: isAdmin,
            servers: try self.claims.servers.map { name throws(AuthenticationRefusal) in
                // A token of an issuer whose tokens name their servers, and that names none, is for none.
                try list(name, claims) ?? []
            },
            user: .object(user), claims: claims, expiry: expiry)
    }

    // MARK: Times and audience

    /// - Returns: When the token ends for us: at its `exp`, and the skew after it.
    private func checkTimes(_ claims: ValueObject, now: Int64) throws(AuthenticationRefusal) -> Int64 {
        guard let expiry = try time("exp", claims) else {
            throw SignedToken.fault("the token does not say when it ends (exp)")
        }
        guard now < expiry + clockSkew else {
            throw AuthenticationRefusal(.expired, "the token has expired; get a new one from its issuer")
        }
        if let start = try time("nbf", claims), start > now + clockSkew {
            throw SignedToken.fault("the token is not valid yet (nbf)")
        }
        let issued = try time("iat", claims)
        if let issued, issued > now + clockSkew {
            throw SignedToken.fault("the token was issued in the future (iat)")
        }
        if let maximumLifetime, expiry - (issued ?? now) > maximumLifetime {
            throw SignedToken.fault(
                "the token is good for longer than \(maximumLifetime) seconds, which is not taken here")
        }
        return expiry + clockSkew
    }

    /// A `NumericDate`: a number, which may have a fraction (RFC 7519, section 2); never text.
    private func time(_ name: String, _ claims: ValueObject) throws(AuthenticationRefusal) -> Int64? {
        // Beyond this, adding a skew could overflow; it is the year 142,000.
        let latest: Int64 = 1 << 42
        switch claims[name] {
        case nil: return nil
        case .int(let seconds) where (0...latest).contains(seconds): return seconds
        case .double(let seconds) where seconds >= 0 && seconds <= Double(latest):
            return Int64(seconds.rounded(.down))
        default: throw SignedToken.fault("the token's \(name) is no time in seconds since 1970")
        }
    }

    /// RFC 7519, section 4.1.3: text, or an array of texts.
    private func checkAudience(_ claims: ValueObject) throws(AuthenticationRefusal) {
        let named: [Value]
        switch claims["aud"] {
        case nil: throw SignedToken.fault("the token does not say which service it is for (aud)")
        case .string(let one)?: named = [.string(one)]
        case .array(let several)?: named = several
        default: throw SignedToken.fault("the token's aud is neither text nor an array of texts")
        }
        var isForUs = false
        for element in named {
            guard case .string(let audience) = element else {
                throw SignedToken.fault("the token's aud is neither text nor an array of texts")
            }
            if audiences.contains(where: { $0.hasSameBytes(as: audience) }) { isForUs = true }
        }
        guard isForUs else {
            throw AuthenticationRefusal(
                .invalid, "the token is for another service (aud); get one for this gateway from its issuer")
        }
    }

    // MARK: What makes a principal

    private func text(_ name: String, _ claims: ValueObject) throws(AuthenticationRefusal) -> String? {
        switch ClaimNames.claim(name, in: claims) {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw SignedToken.fault("the token's \(name) is no text")
        }
    }

    private func isAdmin(_ claims: ValueObject) throws(AuthenticationRefusal) -> Bool {
        switch ClaimNames.claim(self.claims.admin, in: claims) {
        case nil, .null: return false
        case .bool(let value): return value
        default: throw SignedToken.fault("the token's \(self.claims.admin) is neither true nor false")
        }
    }

    private func list(_ name: String, _ claims: ValueObject) throws(AuthenticationRefusal) -> [String]? {
        guard let value = ClaimNames.claim(name, in: claims), !value.isNull else { return nil }
        var texts: [String] = []
        for element in value.arrayValue ?? [.null] {
            guard let text = element.stringValue ?? element["id"]?.stringValue else {
                throw SignedToken.fault("the token's \(name) is no array of texts")
            }
            texts.append(text)
        }
        return texts
    }

    private func scopes(_ claims: ValueObject) throws(AuthenticationRefusal) -> ScopeSet {
        for name in self.claims.scopes {
            switch ClaimNames.claim(name, in: claims) {
            case nil, .null: continue
            case .string(let text): return ScopeSet(spaceSeparated: text)
            default: return ScopeSet(try list(name, claims) ?? [])
            }
        }
        return ScopeSet([])
    }
}
