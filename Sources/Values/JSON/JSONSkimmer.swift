// SPDX-License-Identifier: Apache-2.0

/// Finds its way in JSON text that was checked: from value to value, without looking at what they say.
struct JSONSkimmer {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position: Int

    /// Starts at the beginning of a value.
    init(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// Calls the closure for each member of the object that begins here, until it returns false; for other values never.
    mutating func forEachMember(_ body: (JSONMemberRange) -> Bool) {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "{") else { return }
        position += 1
        skipSpaceAnd(UInt8(ascii: ","))
        while position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            let (key, hasEscapes) = skipString()
            skipSpaceAnd(UInt8(ascii: ":"))
            let start = position
            skipValue()
            guard body(JSONMemberRange(key: key, keyHasEscapes: hasEscapes, value: start..<position)) else { return }
            skipSpaceAnd(UInt8(ascii: ","))
        }
    }

    /// Calls the closure for each element of the array that begins here; for other values never.
    mutating func forEachElement(_ body: (Range<Int>) -> Void) {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "[") else { return }
        position += 1
        skipSpaceAnd(UInt8(ascii: ","))
        while position < bytes.count, bytes[position] != UInt8(ascii: "]") {
            let start = position
            skipValue()
            body(start..<position)
            skipSpaceAnd(UInt8(ascii: ","))
        }
    }

    private mutating func skipSpaceAnd(_ byte: UInt8) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D, byte: position &+= 1
            default: return
            }
        }
    }

    private mutating func skipValue() {
        var depth = 0
        repeat {
            guard position < bytes.count else { return }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                _ = skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
                position += 1
            default:
                skipScalar()
            }
        } while depth > 0
    }

    private mutating func skipScalar() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x09, 0x0A, 0x0D: return
            default: position &+= 1
            }
        }
    }

    private mutating func skipString() -> (content: Range<Int>, hasEscapes: Bool) {
        position += 1
        let start = position
        var hasEscapes = false
        while position < bytes.count {
            skipPlainText()
            guard position < bytes.count else { break }
            if bytes[position] == UInt8(ascii: "\"") {
                position += 1
                return (start..<position - 1, hasEscapes)
            }
            hasEscapes = true
            position += 2
        }
        return (start..<bytes.count, hasEscapes)
    }

    /// Passes over everything but quotes and backslashes, eight bytes at a time.
    private mutating func skipPlainText() {
        guard let base = bytes.baseAddress else { return }
        let raw = UnsafeRawPointer(base)
        while bytes.count &- position >= 8 {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ 0x2222_2222_2222_2222
            let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
            // The high bit of each byte that is zero, by the classic test that is exact for the lowest one.
            let found =
                ((quote &- 0x0101_0101_0101_0101) & ~quote) | ((backslash &- 0x0101_0101_0101_0101) & ~backslash)
            let mask = found & 0x8080_8080_8080_8080
            guard mask == 0 else {
                position &+= mask.trailingZeroBitCount / 8
                return
            }
            position &+= 8
        }
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\") {
            position &+= 1
        }
    }
}
