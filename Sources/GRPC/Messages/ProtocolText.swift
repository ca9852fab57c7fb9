// SPDX-License-Identifier: Apache-2.0

import Glibc

extension String {
    /// Whether the UTF-8 bytes are those of `text`; String's own equality is canonical equivalence.
    @inline(__always)
    func isSame(as text: StaticString) -> Bool {
        utf8.count == text.utf8CodeUnitCount && hasPrefixBytes(text)
    }

    /// Whether the UTF-8 bytes are those of another string.
    @inline(__always)
    func isSame(as text: String) -> Bool {
        guard utf8.count == text.utf8.count else { return false }
        var mine = self
        var other = text
        return mine.withUTF8 { a in
            other.withUTF8 { b in
                guard let first = a.baseAddress, let second = b.baseAddress else { return true }
                return memcmp(first, second, a.count) == 0
            }
        }
    }

    /// Whether the UTF-8 bytes begin with those of `prefix`.
    @inline(__always)
    func hasPrefixBytes(_ prefix: StaticString) -> Bool {
        var copy = self
        return copy.withUTF8 { bytes in
            guard bytes.count >= prefix.utf8CodeUnitCount, let start = bytes.baseAddress else {
                return prefix.utf8CodeUnitCount == 0
            }
            return memcmp(start, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0
        }
    }
}
