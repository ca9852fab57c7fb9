// SPDX-License-Identifier: Apache-2.0

import Values

/// The scopes that somebody was granted (RFC 6749, section 3.3), compared as bytes.
package struct ScopeSet: Sendable, Equatable {
    /// Whether every scope counts as granted, as for tokens that nobody narrowed.
    package let isUnrestricted: Bool
    /// The scopes granted, each once, in their order; empty when ``isUnrestricted``.
    package let names: [String]

    /// Everything.
    package static let all = ScopeSet(isUnrestricted: true, names: [])

    /// These scopes and no others.
    package init(_ names: some Sequence<String>) {
        var unique: [String] = []
        for name in names where !unique.contains(where: { $0.hasSameBytes(as: name) }) { unique.append(name) }
        self.init(isUnrestricted: false, names: unique)
    }

    private init(isUnrestricted: Bool, names: [String]) {
        self.isUnrestricted = isUnrestricted
        self.names = names
    }

    /// The scopes of a list separated by spaces.
    package init(spaceSeparated text: String) {
        self.init(text.utf8.split(separator: UInt8(ascii: " ")).compactMap { String($0) })
    }

    /// Whether this scope was granted.
    package func contains(_ scope: String) -> Bool {
        isUnrestricted || names.contains { $0.hasSameBytes(as: scope) }
    }

    /// Those of the scopes needed that were not granted; empty when all were.
    package func missing(of needed: [String]) -> [String] {
        isUnrestricted || needed.isEmpty ? [] : needed.filter { !contains($0) }
    }

    /// Whether a text can be a scope: printable ASCII without space, `"` and `\` (RFC 6749, appendix A.4).
    package static func isScope(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
    }

    /// Compares what is granted, without regard to order.
    package static func == (lhs: ScopeSet, rhs: ScopeSet) -> Bool {
        lhs.isUnrestricted == rhs.isUnrestricted && lhs.names.count == rhs.names.count
            && lhs.names.allSatisfy { rhs.contains($0) }
    }
}
