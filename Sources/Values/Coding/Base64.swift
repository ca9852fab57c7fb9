// SPDX-License-Identifier: Apache-2.0

/// Bytes as text in an alphabet of 64 characters (RFC 4648), read strictly: one text for each value.
package struct Base64: Sendable {
    /// With `+` and `/`, and padded to a multiple of four characters (section 4).
    package static let standard = Base64(last: "+/", isPadded: true)
    /// With `-` and `_` and without padding, as JOSE has it (section 5; RFC 7515, section 2).
    package static let url = Base64(last: "-_", isPadded: false)

    private static let padding = UInt8(ascii: "=")

    private let alphabet: [UInt8]
    private let isPadded: Bool

    private init(last: String, isPadded: Bool) {
        alphabet = Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last).utf8)
        self.isPadded = isPadded
    }

    /// The text that stands for some bytes.
    package func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount / 3 * 4 + 4)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> count & 63)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << (6 - count) & 63)]) }
        while isPadded, !text.count.isMultiple(of: 4) { text.append(Self.padding) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that a text stands for.
    ///
    /// - Returns: Nil for characters of another alphabet, padding that is missing or not wanted, an impossible length, and bits left
    ///   over that are not 0.
    package func decode(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        let characters = isPadded ? text.dropLast(Self.paddingCount(of: text)) : text[...]
        let length = characters.count
        guard length % 4 != 1, !isPadded || text.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length / 4 * 3 + 2)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for character in characters {
            guard let value = value(of: character) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bits & (1 << count - 1) == 0 ? bytes : nil
    }

    private static func paddingCount(of text: some BidirectionalCollection<UInt8>) -> Int {
        text.reversed().prefix(2).prefix { $0 == padding }.count
    }

    private func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case alphabet[62]: 62
        case alphabet[63]: 63
        default: nil
        }
    }
}
