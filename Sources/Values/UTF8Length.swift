// SPDX-License-Identifier: Apache-2.0

extension UnsafeBufferPointer<UInt8> {
    /// Whether the bytes are well-formed UTF-8.
    package var isUTF8: Bool {
        var position = 0
        while position < count {
            let length = lengthOfScalar(at: position)
            guard length > 0 else { return false }
            position &+= length
        }
        return true
    }

    /// How many bytes the scalar at a position takes; 0 when it is ill-formed (The Unicode Standard, table 3-7).
    ///
    /// Inlinable, as it is called for each scalar of a text by decoders of other modules.
    @inlinable package func lengthOfScalar(at position: Int) -> Int {
        let first = self[position]
        if first < 0x80 { return 1 }
        let left = count &- position
        switch first {
        case 0xC2...0xDF:
            return left >= 2 && isContinuation(position &+ 1) ? 2 : 0
        case 0xE0...0xEF:
            guard left >= 3 else { return 0 }
            let second = self[position &+ 1]
            // E0 would be overlong below A0, ED a surrogate from A0 on.
            let low: UInt8 = first == 0xE0 ? 0xA0 : 0x80
            let high: UInt8 = first == 0xED ? 0x9F : 0xBF
            return second >= low && second <= high && isContinuation(position &+ 2) ? 3 : 0
        case 0xF0...0xF4:
            guard left >= 4 else { return 0 }
            let second = self[position &+ 1]
            // F0 would be overlong below 90, F4 beyond U+10FFFF from 90 on.
            let low: UInt8 = first == 0xF0 ? 0x90 : 0x80
            let high: UInt8 = first == 0xF4 ? 0x8F : 0xBF
            return second >= low && second <= high && isContinuation(position &+ 2) && isContinuation(position &+ 3)
                ? 4 : 0
        default:
            return 0
        }
    }

    /// Whether the byte at a position goes on with a scalar.
    @inlinable package func isContinuation(_ position: Int) -> Bool {
        self[position] & 0xC0 == 0x80
    }
}
