// SPDX-License-Identifier: Apache-2.0

/// Whoever knows whose tokens are whose: a list of the configuration, or an issuer of signed tokens.
package protocol Authenticator: Sendable {
    /// The principal of a token, if it is known without any waiting; nil says nothing about the token.
    func recognize(_ token: BearerToken) -> Principal?

    /// The principal of a token.
    ///
    /// - Returns: Nil if the token is none of this authenticator's, and another is to be asked.
    /// - Throws: Why the token is not taken.
    func authenticate(_ token: BearerToken) async throws(AuthenticationRefusal) -> Principal?
}
