// SPDX-License-Identifier: Apache-2.0

import Values

/// Names to find one among, by bytes: a handful is compared one by one, which is quicker than hashing.
struct NameSet: Sendable {
    private static let hashingThreshold = 8

    private let names: [String]
    private let hashed: Set<ByteKey>?

    init(_ names: [String]) {
        self.names = names
        hashed = names.count >= Self.hashingThreshold ? Set(names.map { ByteKey($0) }) : nil
    }

    var isEmpty: Bool { names.isEmpty }

    func contains(_ name: String) -> Bool {
        if let hashed { return hashed.contains(ByteKey(name)) }
        for candidate in names where candidate.hasSameBytes(as: name) { return true }
        return false
    }

    /// Whether the name is there; without names every one is, and with names none at all is not.
    func allows(_ name: String?) -> Bool {
        guard !isEmpty else { return true }
        guard let name else { return false }
        return contains(name)
    }
}
