// SPDX-License-Identifier: Apache-2.0

/// The UTF-8 of a text, for scanners that look around: beyond both ends there are zeros.
struct TextBytes {
    let bytes: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var count: Int { bytes.count }

    subscript(position: Int) -> UInt8 {
        UInt(bitPattern: position) < UInt(bitPattern: bytes.count) ? bytes[position] : 0
    }

    /// Whether there is a digit anywhere; without a branch, so that many bytes are looked at together.
    var hasDigit: Bool {
        var found: UInt8 = 0
        for byte in bytes { found |= Self.isDigit(byte) ? 1 : 0 }
        return found != 0
    }

    func isDigit(_ position: Int) -> Bool { Self.isDigit(self[position]) }

    /// An ASCII letter, digit or underscore.
    func isWord(_ position: Int) -> Bool {
        let byte = self[position]
        return Self.isDigit(byte) || Self.isLetter(byte) || byte == 0x5F
    }

    func isLetter(_ position: Int) -> Bool { Self.isLetter(self[position]) }

    /// Whether a byte is within `range`, of which no more than the first 64 are looked at.
    func contains(_ byte: UInt8, in range: Range<Int>) -> Bool {
        range.prefix(64).contains { self[$0] == byte }
    }

    /// How many digits stand at `position`, looking at no more than `limit`.
    func digitCount(at position: Int, limit: Int = 64) -> Int {
        var count = 0
        while count < limit, isDigit(position + count) { count += 1 }
        return count
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    static func isUppercase(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
    static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
    /// The lower-case form of an ASCII letter.
    static func lowercased(_ byte: UInt8) -> UInt8 { isUppercase(byte) ? byte | 0x20 : byte }
}
