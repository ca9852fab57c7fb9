// SPDX-License-Identifier: Apache-2.0

/// Where the keys of an issuer come from.
package protocol KeySource: Sendable {
    /// Changes when keys were replaced, so that nothing that older keys verified is remembered.
    var generation: UInt64 { get }

    /// The key that a token names, got anew if need be.
    ///
    /// - Throws: A refusal: the token's fault, or `unavailable` when keys cannot be had.
    func key(_ keyID: String?, _ algorithm: SigningAlgorithm) async throws(AuthenticationRefusal) -> VerificationKey
}

/// The one key that the configuration gives for an issuer.
package struct ConfiguredKey: KeySource {
    private let keys: KeySet

    /// Takes the key.
    package init(_ key: VerificationKey) { keys = KeySet(configured: key) }

    /// Always the same.
    package var generation: UInt64 { 0 }

    /// The key, if it is the one that is named and has the algorithm.
    package func key(
        _ keyID: String?, _ algorithm: SigningAlgorithm
    ) async throws(AuthenticationRefusal) -> VerificationKey {
        switch keys.find(keyID: keyID, algorithm: algorithm) {
        case .key(let key): return key
        case .unknown: throw SignedToken.fault("the token is signed with a key (kid) that its issuer does not have")
        case .refused(let reason): throw SignedToken.fault(reason)
        }
    }
}
