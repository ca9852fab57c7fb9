// SPDX-License-Identifier: Apache-2.0

/// Recognises the value that stands after a label.
enum PIIValueScanner {
    /// How much of an identifier without a greatest length is read at first.
    static let longestRead = 64

    static func value(of type: PIIType, at start: Int, in text: TextBytes) -> Range<Int>? {
        switch type {
        case .ssn, .bsn: labelledDigits(at: start, in: text, counts: 9...9)
        case .dateOfBirth: DateScanner.date(at: start, in: text)
        case .passport: identifier(at: start, in: text, minimum: 6, maximum: longestRead, digits: 5)
        case .driverLicense: identifier(at: start, in: text, minimum: 5, maximum: 20, digits: 4)
        case .medicalRecord: identifier(at: start, in: text, minimum: 6, maximum: longestRead, digits: 4)
        case .bankAccount:
            // `account on 2024-05-06` is no account number.
            !isDate(at: start, in: text)
                ? labelledDigits(at: start, in: text, counts: 8...17, isOpenEnded: true)
                    ?? IBANScanner.iban(countryAt: start, in: text)
                : nil
        case .apiKey: KeyScanner.token(at: start, in: text, minimum: 20)
        case .awsKey: KeyScanner.token(at: start, in: text, minimum: 40)
        case .creditCard, .email, .phone, .ipAddress, .custom: nil
        }
    }

    /// Whether a date, and nothing more, is the value.
    private static func isDate(at start: Int, in text: TextBytes) -> Bool {
        guard let end = DateScanner.date(at: start, in: text)?.upperBound else { return false }
        return !text.isWord(end) && text[end] != 0x2D
    }

    /// Digits, between which single spaces, dashes or dots may stand.
    private static func labelledDigits(
        at start: Int, in text: TextBytes, counts: ClosedRange<Int>, isOpenEnded: Bool = false
    ) -> Range<Int>? {
        var position = start
        var digits = 0
        var best: Range<Int>?
        while digits <= counts.upperBound {
            if text.isDigit(position) {
                digits += 1
                position += 1
                continue
            }
            // Another number may follow: the value ends where a group ends with enough digits.
            if counts.contains(digits), !text.isWord(position) { best = start..<position }
            guard digits > 0, NumberScanner.isSeparator(text[position]), text.isDigit(position + 1) else { break }
            position += 1
        }
        // More digits than any such number has are no reason to show them: `PIIFinding.grown` adds the rest.
        if best == nil, isOpenEnded, digits > counts.upperBound { return start..<position }
        return best
    }

    /// Letters and digits (dashes between them), with a least number of digits: `License agreement` is no licence.
    private static func identifier(
        at start: Int, in text: TextBytes, minimum: Int, maximum: Int, digits: Int
    ) -> Range<Int>? {
        // `license 2024-12-31` is a term, no number.
        if isDate(at: start, in: text) { return nil }
        var position = start
        var found = 0
        var length = 0
        while length < longestRead {
            if text.isDigit(position) {
                found += 1
                length += 1
            } else if text.isLetter(position) {
                length += 1
            } else if !(length > 0 && text[position] == 0x2D
                && (text.isLetter(position + 1) || text.isDigit(position + 1)))
            {
                break
            }
            position += 1
        }
        guard (minimum...maximum).contains(length), found >= digits, length == longestRead || text[position] != 0x5F
        else { return nil }
        return start..<position
    }
}
