// SPDX-License-Identifier: Apache-2.0

/// Dates, as far as they may be birth dates.
enum DateScanner {
    /// `MM/DD/YYYY` or `MM-DD-YYYY` of the 20th and 21st centuries, which counts without a label.
    static func monthDayYear(at start: Int, in text: TextBytes) -> Range<Int>? {
        let separator = text[start + 2]
        guard separator == 0x2F || separator == 0x2D, text.digitCount(at: start + 3) == 2,
            text[start + 5] == 0x2F || text[start + 5] == 0x2D, text.digitCount(at: start + 6) == 4,
            !text.isWord(start + 10)
        else { return nil }
        let year = NumberScanner.number(text, start + 6, 4)
        guard (1...12).contains(NumberScanner.number(text, start, 2)),
            (1...31).contains(NumberScanner.number(text, start + 3, 2)), (1900...2099).contains(year)
        else { return nil }
        return start..<(start + 10)
    }

    /// A date after a label: day, month and year in any order of digits, or `15 January 1990` and `January 15, 1990`.
    static func date(at start: Int, in text: TextBytes) -> Range<Int>? {
        numeric(at: start, in: text) ?? named(at: start, in: text)
    }

    private static func numeric(at start: Int, in text: TextBytes) -> Range<Int>? {
        var position = start
        var lengths = (0, 0, 0)
        lengths.0 = text.digitCount(at: position, limit: 5)
        position += lengths.0
        guard isDateSeparator(text[position]) else { return nil }
        position += 1
        lengths.1 = text.digitCount(at: position, limit: 5)
        position += lengths.1
        guard isDateSeparator(text[position]) else { return nil }
        position += 1
        lengths.2 = text.digitCount(at: position, limit: 5)
        position += lengths.2
        guard (1...2).contains(lengths.1), !text.isDigit(position) else { return nil }
        let isDayFirst = (1...2).contains(lengths.0) && (lengths.2 == 2 || lengths.2 == 4)
        let isYearFirst = lengths.0 == 4 && (1...2).contains(lengths.2)
        return isDayFirst || isYearFirst ? start..<position : nil
    }

    private static func isDateSeparator(_ byte: UInt8) -> Bool { byte == 0x2F || byte == 0x2D || byte == 0x2E }

    private static let months: [[UInt8]] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        .map { Array($0.utf8) }

    private static func named(at start: Int, in text: TextBytes) -> Range<Int>? {
        var position = start
        let firstDay = skipDay(&position, in: text)
        guard skipMonth(&position, in: text) else { return nil }
        if !firstDay, !skipDay(&position, in: text) { return nil }
        skipFiller(&position, in: text)
        guard text.digitCount(at: position, limit: 5) == 4 else { return nil }
        return start..<(position + 4)
    }

    private static func skipDay(_ position: inout Int, in text: TextBytes) -> Bool {
        let count = text.digitCount(at: position, limit: 3)
        guard (1...2).contains(count) else { return false }
        position += count
        for suffix in ["st", "nd", "rd", "th"] as [StaticString] {
            let matches = suffix.withUTF8Buffer {
                TextBytes.lowercased(text[position]) == $0[0] && TextBytes.lowercased(text[position + 1]) == $0[1]
            }
            if matches, !text.isLetter(position + 2) {
                position += 2
                break
            }
        }
        skipFiller(&position, in: text)
        return true
    }

    private static func skipMonth(_ position: inout Int, in text: TextBytes) -> Bool {
        let name = (0..<3).map { TextBytes.lowercased(text[position + $0]) }
        guard months.contains(name) else { return false }
        var length = 3
        while length < 10, text.isLetter(position + length) { length += 1 }
        position += length
        skipFiller(&position, in: text)
        return true
    }

    /// A comma, a dot, a dash, spaces.
    private static func skipFiller(_ position: inout Int, in text: TextBytes) {
        let limit = position + 3
        while position < limit, NumberScanner.isSeparator(text[position]) || text[position] == 0x2C { position += 1 }
    }
}
