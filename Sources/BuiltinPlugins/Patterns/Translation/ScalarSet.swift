// SPDX-License-Identifier: Apache-2.0

/// What a character class holds, in a form that can be written out for PCRE2 in one way only.
struct ScalarSet {
    /// A Unicode property that is left to PCRE2.
    enum Property {
        case digit, notDigit, word, notWord
    }

    private(set) var ranges: [ClosedRange<UInt32>] = []
    private(set) var properties: [Property] = []

    static let last: UInt32 = 0x10FFFF

    /// `str.isspace` of Python, which differs from every `\s` of PCRE2 (U+001C to U+001F in, U+180E out).
    static let unicodeSpaces: [ClosedRange<UInt32>] = [
        0x09...0x0D, 0x1C...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
    ]
    static let asciiSpaces: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]
    static let asciiDigits: [ClosedRange<UInt32>] = [0x30...0x39]
    static let asciiWord: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]

    mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }
    mutating func insert(_ more: [ClosedRange<UInt32>]) { ranges += more }
    mutating func insert(_ property: Property) { properties.append(property) }

    /// Adds what one of `\d \D \s \S \w \W` stands for.
    mutating func insertCategory(_ letter: UInt32, ascii: Bool) {
        switch UnicodeScalar(letter) {
        case "d": if ascii { insert(Self.asciiDigits) } else { insert(.digit) }
        case "D": if ascii { insert(Self.complement(Self.asciiDigits)) } else { insert(.notDigit) }
        case "w": if ascii { insert(Self.asciiWord) } else { insert(.word) }
        case "W": if ascii { insert(Self.complement(Self.asciiWord)) } else { insert(.notWord) }
        case "s": insert(ascii ? Self.asciiSpaces : Self.unicodeSpaces)
        default: insert(Self.complement(ascii ? Self.asciiSpaces : Self.unicodeSpaces))
        }
    }

    /// Everything that is not in `ranges`, which must be sorted and apart.
    static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= last { result.append(next...last) }
        return result
    }

    /// Adds the letters that differ only in case, by ASCII's rules.
    mutating func closeOverASCIICase() {
        for range in ranges {
            for (first, last, distance) in [(UInt32(0x41), UInt32(0x5A), Int32(32)), (0x61, 0x7A, -32)] {
                let low = max(range.lowerBound, first)
                let high = min(range.upperBound, last)
                if low <= high {
                    ranges.append(UInt32(Int32(low) + distance)...UInt32(Int32(high) + distance))
                }
            }
        }
    }

    /// Adds the letters that Python's `re` takes for the same and PCRE2 10.42 does not.
    ///
    /// Found by comparing both over all of Unicode 14: i and I with U+0130 and U+0131, and three pairs that have
    /// the same upper case only as sequences.
    mutating func closeOverPythonCase() {
        for family in Self.pythonCaseFamilies {
            if family.contains(where: { scalar in ranges.contains { $0.contains(scalar) } }) {
                for scalar in family { ranges.append(scalar...scalar) }
            }
        }
    }

    static let pythonCaseFamilies: [[UInt32]] = [
        [0x49, 0x69, 0x130, 0x131], [0x390, 0x1FD3], [0x3B0, 0x1FE3], [0xFB05, 0xFB06],
    ]
}
