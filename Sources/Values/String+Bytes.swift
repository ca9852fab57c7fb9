// SPDX-License-Identifier: Apache-2.0

import Glibc

extension String {
    /// Whether both strings have the same UTF-8 bytes.
    ///
    /// `==` on String calls canonically equivalent texts equal, which is not what a protocol, a key or an allow list means.
    public func hasSameBytes(as other: String) -> Bool {
        let left = utf8
        let right = other.utf8
        guard left.count == right.count else { return false }
        let fast = left.withContiguousStorageIfAvailable { leftBytes in
            right.withContiguousStorageIfAvailable { rightBytes in
                guard let leftStart = leftBytes.baseAddress, let rightStart = rightBytes.baseAddress else {
                    return true
                }
                return memcmp(leftStart, rightStart, leftBytes.count) == 0
            }
        }
        if let fast, let result = fast { return result }
        return left.elementsEqual(right)
    }

    /// A total order by UTF-8 bytes, the same on every machine and in every locale.
    public func precedesInBytes(_ other: String) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}
