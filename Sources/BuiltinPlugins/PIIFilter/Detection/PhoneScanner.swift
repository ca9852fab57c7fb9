// SPDX-License-Identifier: Apache-2.0

/// Phone numbers: North American ones, and international ones with a `+` (ITU-T E.164: 8 to 15 digits).
enum PhoneScanner {
    static func phone(at start: Int, in text: TextBytes) -> Range<Int>? {
        if text[start] == 0x2B { return international(at: start, in: text) }
        return northAmerican(at: start, in: text)
    }

    /// `+44 20 7946 0958`: between digits one separator, or a bracket with one.
    private static func international(at start: Int, in text: TextBytes) -> Range<Int>? {
        guard text[start + 1] &- 0x31 < 9 else { return nil }
        var position = start + 1
        var digits = 0
        var best: Range<Int>?
        while digits <= 15 {
            if text.isDigit(position) {
                digits += 1
                position += 1
                continue
            }
            // Another number may follow: this one ends at the last group that leaves it short enough.
            if digits >= 8, !text.isWord(position) { best = start..<position }
            var next = position
            while next < position + 3, isFiller(text[next]) { next += 1 }
            guard next > position, text.isDigit(next) else { break }
            position = next
        }
        return best
    }

    private static func isFiller(_ byte: UInt8) -> Bool {
        NumberScanner.isSeparator(byte) || byte == 0x28 || byte == 0x29 || byte == 0x2F
    }

    /// `(555) 123-4567`, `555-123-4567`, `1 555 123 4567`, `5551234567`.
    private static func northAmerican(at start: Int, in text: TextBytes) -> Range<Int>? {
        var position = start
        if text[position] == 0x31 {
            let isCountry =
                NumberScanner.isSeparator(text[position + 1]) || text[position + 1] == 0x28
                || text.digitCount(at: position, limit: 12) == 11
            if isCountry {
                position += NumberScanner.isSeparator(text[position + 1]) ? 2 : 1
            }
        }
        let hasBracket = text[position] == 0x28
        if hasBracket { position += 1 }
        guard hasDigits(3, at: position, in: text) else { return nil }
        let area = position
        position += 3
        if hasBracket {
            guard text[position] == 0x29 else { return nil }
            position += 1
        }
        skipSeparator(&position, in: text)
        guard hasDigits(3, at: position, in: text) else { return nil }
        position += 3
        skipSeparator(&position, in: text)
        guard hasDigits(4, at: position, in: text), !text.isWord(position + 4) else { return nil }
        // An area begins with 2 to 9. So most times in seconds, sizes and running numbers stay what they are.
        guard text[area] >= 0x32 else { return nil }
        return start..<(position + 4)
    }

    private static func hasDigits(_ count: Int, at position: Int, in text: TextBytes) -> Bool {
        for index in position..<(position + count) where !text.isDigit(index) { return false }
        return true
    }

    @discardableResult
    private static func skipSeparator(_ position: inout Int, in text: TextBytes) -> Bool {
        guard NumberScanner.isSeparator(text[position]) else { return false }
        position += 1
        return true
    }
}
