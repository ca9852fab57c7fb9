// SPDX-License-Identifier: Apache-2.0

/// How a token is signed (RFC 7518, section 3.1).
///
/// There is no `none`, and a key has exactly one algorithm: what a token says about its algorithm picks nothing, it only has to
/// be the same.
package enum SigningAlgorithm: String, Sendable, CaseIterable {
    /// HMAC with SHA-256: issuer and gateway share a secret.
    case hs256 = "HS256"
    /// RSA (PKCS #1 v1.5) with SHA-256.
    case rs256 = "RS256"
    /// ECDSA on P-256 with SHA-256.
    case es256 = "ES256"
}
