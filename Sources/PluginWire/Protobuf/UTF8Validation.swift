// SPDX-License-Identifier: Apache-2.0

import Values

extension UnsafeRawBufferPointer {
    /// Whether the bytes of a range are well-formed UTF-8 (The Unicode Standard, table 3-7), without making a string.
    ///
    /// - Precondition: The range lies within the buffer.
    func isValidUTF8(in range: Range<Int>) -> Bool {
        var position = range.lowerBound
        let end = range.upperBound
        let bytes = UnsafeRawBufferPointer(rebasing: self[..<end]).assumingMemoryBound(to: UInt8.self)
        while position < end {
            // Nearly all text of the contract is ASCII: eight bytes at a time.
            while end &- position >= 8 {
                let word = loadUnaligned(fromByteOffset: position, as: UInt64.self)
                if word & 0x8080_8080_8080_8080 != 0 { break }
                position &+= 8
            }
            guard position < end else { return true }
            let length = bytes.lengthOfScalar(at: position)
            if length == 0 { return false }
            position &+= length
        }
        return true
    }
}
