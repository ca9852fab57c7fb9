// SPDX-License-Identifier: Apache-2.0

import Authentication

/// What a client is told whose token does not suffice for one tool, prompt or resource (RFC 6750, section 3.1; MCP, Scope Challenge
/// Handling).
final class ScopeChallenge: Sendable {
    /// The scopes that the use of the virtual server needs.
    private let scopes: [String]
    /// Where clients learn how to get a token; nil for nowhere.
    private let metadata: String?

    init(scopes: [String], metadata: String?) {
        self.scopes = scopes
        self.metadata = metadata
    }

    /// The refusal of something that needs further scopes.
    ///
    /// It names all scopes that the next token should have: clients ask for exactly these.
    func refusal(_ message: String, needing further: [String]) -> AuthenticationRefusal {
        AuthenticationRefusal(.insufficientScope, message, scopes: ScopeSet(scopes + further).names)
    }

    /// The value of `WWW-Authenticate`.
    func header(_ refusal: AuthenticationRefusal) -> String? {
        refusal.challenge(resourceMetadata: metadata)
    }
}
