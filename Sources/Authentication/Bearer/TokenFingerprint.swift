// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What stands for a token wherever tokens are compared or remembered: its HMAC-SHA256 under a key that only this process
/// has.
///
/// Comparing fingerprints tells nothing about tokens, neither their bytes nor their lengths: whoever tries tokens cannot
/// choose fingerprints. Memory holds fingerprints and no tokens.
struct TokenFingerprint: Hashable, Sendable {
    private static let key = SymmetricKey(size: .bits256)

    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(of token: String) {
        var token = token
        let code = token.withUTF8 { bytes in
            HMAC<SHA256>.authenticationCode(for: UnsafeRawBufferPointer(bytes), using: Self.key)
        }
        words = code.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }

    /// 0 for equal fingerprints, without a branch that depends on how much of them is equal.
    func difference(to other: TokenFingerprint) -> UInt64 {
        (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2) | (words.3 ^ other.words.3)
    }

    static func == (lhs: TokenFingerprint, rhs: TokenFingerprint) -> Bool { lhs.difference(to: rhs) == 0 }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
