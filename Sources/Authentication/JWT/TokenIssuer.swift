// SPDX-License-Identifier: Apache-2.0

/// Somebody whose signed tokens are taken, and what they have to say.
package struct TokenIssuer: Sendable {
    /// The `iss` of its tokens, byte for byte.
    package let name: String
    /// Of the `aud` of its tokens, one has to be one of these.
    package let audiences: [String]
    /// Its keys.
    package let keys: any KeySource
    /// The names of its claims.
    package var claims = ClaimNames()
    /// How far the issuer's clock may be from ours, in seconds.
    ///
    /// 30 by default.
    package var clockSkew: Int64 = 30
    /// The longest time from `iat`, or else from now, to `exp`, in seconds; nil for any.
    package var maximumLifetime: Int64?

    /// Describes an issuer.
    package init(name: String, audiences: [String], keys: any KeySource) {
        self.name = name
        self.audiences = audiences
        self.keys = keys
    }
}
