// SPDX-License-Identifier: Apache-2.0

import Glibc

extension String {
    /// Whether both strings have the same UTF-8 bytes.
    ///
    /// `==` on String calls canonically equivalent texts equal, which is not what a protocol, a key or an allow list means.
    @inlinable
    public func hasSameBytes(as other: String) -> Bool {
        // Most texts that are not the same differ in this, which whoever asks finds out without a call.
        utf8.count == other.utf8.count && bytesAreSame(as: other)
    }

    @usableFromInline
    func bytesAreSame(as other: String) -> Bool {
        utf8Span.span.withUnsafeBufferPointer { left in
            other.utf8Span.span.withUnsafeBufferPointer { right in
                guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return true }
                return memcmp(leftStart, rightStart, left.count) == 0
            }
        }
    }

    /// A total order by UTF-8 bytes, the same on every machine and in every locale.
    public func precedesInBytes(_ other: String) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}
