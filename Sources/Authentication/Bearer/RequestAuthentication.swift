// SPDX-License-Identifier: Apache-2.0

package import NIOHTTP1

/// Decides who a request comes from: all authenticators of a listener, in their order.
package struct RequestAuthentication: Sendable {
    /// What can be said about a request at once.
    package enum Finding: Sendable {
        /// It comes from this principal.
        case principal(Principal)
        /// It is not let in.
        case refused(AuthenticationRefusal)
        /// The token has to be verified first: ask ``RequestAuthentication/authenticate(_:)``.
        case unknown(BearerToken)
    }

    private let authenticators: [any Authenticator]

    /// Makes the authentication of a listener.
    ///
    /// - Parameter authenticators: Whom to ask, in this order; nobody for a listener where everybody is anonymous.
    package init(_ authenticators: [any Authenticator]) {
        self.authenticators = authenticators
    }

    /// Whether anybody has to say who they are.
    package var isRequired: Bool { !authenticators.isEmpty }

    /// Looks at a request, without waiting for anything.
    ///
    /// - Parameters:
    ///   - headers: The request's headers.
    ///   - query: What follows `?` in its target.
    package func look(at headers: HTTPHeaders, query: String?) -> Finding {
        guard isRequired else { return .principal(.anonymous) }
        let token: BearerToken
        do throws(AuthenticationRefusal) {
            token = try BearerCredentials.read(headers, query: query)
        } catch {
            return .refused(error)
        }
        for authenticator in authenticators {
            if let principal = authenticator.recognize(token) { return .principal(principal) }
        }
        return .unknown(token)
    }

    /// Verifies a token.
    ///
    /// - Throws: Why it is not taken.
    package func authenticate(_ token: BearerToken) async throws(AuthenticationRefusal) -> Principal {
        for authenticator in authenticators {
            if let principal = try await authenticator.authenticate(token) { return principal }
        }
        throw AuthenticationRefusal(.invalid, "the token is not known here; use one that was issued for this gateway")
    }

    /// Verifies a request: ``look(at:query:)``, and then what it takes.
    ///
    /// - Throws: Why the request is not let in.
    package func principal(
        of headers: HTTPHeaders, query: String?
    ) async throws(AuthenticationRefusal) -> Principal {
        switch look(at: headers, query: query) {
        case .principal(let principal): return principal
        case .refused(let refusal): throw refusal
        case .unknown(let token): return try await authenticate(token)
        }
    }
}
