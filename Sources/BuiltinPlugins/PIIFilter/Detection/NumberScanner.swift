// SPDX-License-Identifier: Apache-2.0

/// Social security numbers, and what number scanners share.
enum NumberScanner {
    /// What may stand between the groups of a number.
    static func isSeparator(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x2D || byte == 0x2E }

    /// `ddd-dd-dddd`, or with spaces: an area, a group and a serial that the Social Security Administration gives out
    /// (area not 000, 666 or 900 to 999; group not 00; serial not 0000).
    static func ssn(at start: Int, in text: TextBytes) -> Range<Int>? {
        let separator = text[start + 3]
        guard separator == 0x2D || separator == 0x20, text.digitCount(at: start + 4) == 2,
            text[start + 6] == separator, text.digitCount(at: start + 7) == 4, !text.isWord(start + 11)
        else { return nil }
        let area = number(text, start, 3)
        guard area != 0, area != 666, area < 900, number(text, start + 4, 2) != 0, number(text, start + 7, 4) != 0
        else { return nil }
        return start..<(start + 11)
    }

    /// The value of `count` digits.
    static func number(_ text: TextBytes, _ start: Int, _ count: Int) -> Int {
        var value = 0
        for position in start..<(start + count) { value = value * 10 + Int(text[position] & 0x0F) }
        return value
    }
}

/// Payment card numbers (ISO/IEC 7812): 13 to 19 digits, an issuer's prefix, a valid check digit.
enum CardScanner {
    /// Digits in one run, or in groups of four to six (the last may be shorter) with one separator, or two spaces, between
    /// them.
    static func card(at start: Int, in text: TextBytes) -> Range<Int>? {
        var digits = InlineArray<19, UInt8>(repeating: 0)
        var count = 0
        var position = start
        var best: Range<Int>?
        while true {
            let groupStart = count
            while count < 19, text.isDigit(position) {
                digits[count] = text[position] & 0x0F
                count += 1
                position += 1
            }
            let length = count - groupStart
            if text.isDigit(position) { break }
            if groupStart > 0, length > 6 { break }
            if count >= 13, !text.isWord(position), isIssued(digits, count), passesLuhn(digits, count) {
                best = start..<position
            }
            // A short group can only be the last one.
            guard length >= 4, count < 19 else { break }
            let separator = text[position] == 0x20 && text[position + 1] == 0x20 ? 2 : 1
            guard isSeparator(text[position]), text.isDigit(position + separator) else { break }
            position += separator
        }
        return best
    }

    /// A tab, a slash, an underscore or a comma too: the check digit leaves few lists of numbers.
    private static func isSeparator(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x09, 0x2C, 0x2F, 0x5F: true
        default: NumberScanner.isSeparator(byte)
        }
    }

    private static func passesLuhn(_ digits: InlineArray<19, UInt8>, _ count: Int) -> Bool {
        var sum = 0
        for index in 0..<count {
            let digit = Int(digits[count - 1 - index])
            let doubled = digit * 2
            sum += index.isMultiple(of: 2) ? digit : (doubled > 9 ? doubled - 9 : doubled)
        }
        return sum.isMultiple(of: 10)
    }

    /// The prefixes and lengths of Visa, Mastercard, American Express, Discover, Diners Club, JCB, UnionPay and Maestro.
    private static func isIssued(_ digits: InlineArray<19, UInt8>, _ count: Int) -> Bool {
        var prefix = 0
        for index in 0..<4 { prefix = prefix * 10 + Int(digits[index]) }
        switch prefix {
        case 4000...4999: return count == 13 || count == 16 || count == 19
        case 5100...5599, 2221...2720: return count == 16
        case 3400...3499, 3700...3799: return count == 15
        case 3000...3059, 3095, 3600...3699, 3800...3999: return (14...19).contains(count)
        case 6011, 6440...6599, 3528...3589, 6200...6299: return (16...19).contains(count)
        case 5000...5099, 5600...5899, 6304, 6390, 6700...6799: return (13...19).contains(count)
        default: return false
        }
    }
}
