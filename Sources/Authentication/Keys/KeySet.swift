// SPDX-License-Identifier: Apache-2.0

import Values

/// The keys of one issuer at one time.
package struct KeySet: Sendable {
    /// What is known about the key of a token.
    enum Finding {
        case key(VerificationKey)
        /// There is none now; there may be after a look at the issuer's newest keys.
        case unknown
        /// Newer keys would not help.
        case refused(String)
    }

    /// The keys, in the order of their source.
    package let keys: [VerificationKey]
    /// Whether `kid` says nothing: for keys that the configuration gives without one.
    private let ignoresKeyIDs: Bool

    /// The keys of an issuer that publishes a set.
    init(published keys: [VerificationKey]) {
        self.keys = keys
        ignoresKeyIDs = false
    }

    /// A key that the configuration gives.
    ///
    /// If it has a name, tokens have to say it, unless they say none; if it has none, what they say has no meaning.
    init(configured key: VerificationKey) {
        keys = [key]
        ignoresKeyIDs = key.keyID == nil
    }

    /// The key of a token: exactly the one that it names, or the only one there is for its algorithm when it names none.
    func find(keyID: String?, algorithm: SigningAlgorithm) -> Finding {
        guard let keyID, !ignoresKeyIDs else {
            let candidates = keys.filter { $0.algorithm == algorithm }
            switch candidates.count {
            case 0:
                return keys.isEmpty
                    ? .unknown
                    : .refused("the token is signed with \(algorithm.rawValue), and its issuer has no such key")
            case 1: return .key(candidates[0])
            default: return .refused("the token does not say which of its issuer's keys signed it (kid)")
            }
        }
        let named = keys.filter { $0.keyID?.hasSameBytes(as: keyID) ?? false }
        guard !named.isEmpty else { return .unknown }
        guard let key = named.first(where: { $0.algorithm == algorithm }) else {
            return .refused("the token is signed with \(algorithm.rawValue), which is not the algorithm of its key")
        }
        return .key(key)
    }

    /// Whether this set has the same keys as another, as far as names and algorithms tell.
    func hasSameNames(as other: KeySet) -> Bool {
        keys.count == other.keys.count
            && zip(keys, other.keys).allSatisfy {
                $0.algorithm == $1.algorithm && ($0.keyID ?? "").hasSameBytes(as: $1.keyID ?? "")
            }
    }
}
