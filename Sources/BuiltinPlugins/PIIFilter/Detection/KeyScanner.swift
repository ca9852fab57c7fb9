// SPDX-License-Identifier: Apache-2.0

/// Secrets that programs use.
enum KeyScanner {
    /// The second letters of AWS access key identifiers.
    static let secondLettersOfAWSIdentifiers: [UInt8] = [0x4B, 0x53]

    /// An AWS access key identifier: `AKIA` (lasting) or `ASIA` (temporary) and 16 capitals or digits.
    static func awsIdentifier(at start: Int, in text: TextBytes) -> Range<Int>? {
        let second = text[start + 1]
        guard second == 0x4B || second == 0x53, text[start + 2] == 0x49, text[start + 3] == 0x41 else { return nil }
        for position in (start + 4)..<(start + 20) {
            guard TextBytes.isUppercase(text[position]) || text.isDigit(position) else { return nil }
        }
        return text.isWord(start + 20) ? nil : start..<(start + 20)
    }

    /// Calls `body` with each run of exactly 40 characters of Base64 that looks like an AWS secret access key: capitals,
    /// small letters and digits mixed, and more than a hexadecimal hash has.
    static func forEachAWSSecret(in text: TextBytes, _ body: (Range<Int>) -> Void) {
        // A run of 40 holds exactly one position of every 40.
        var probe = 39
        while probe < text.count {
            defer { probe += 40 }
            guard isBase64(text.bytes[probe]) else { continue }
            var start = probe
            while start > 0, probe - start < 40, isBase64(text[start - 1]) { start -= 1 }
            var end = probe + 1
            while end - start <= 40, isBase64(text[end]) { end += 1 }
            if end - start == 40, !text.isWord(start - 1), !text.isWord(end), looksRandom(text, start..<end) {
                body(start..<end)
            }
        }
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        TextBytes.isLetter(byte) || TextBytes.isDigit(byte) || byte == 0x2F || byte == 0x2B
    }

    private static func looksRandom(_ text: TextBytes, _ range: Range<Int>) -> Bool {
        var hasUpper = false
        var hasLower = false
        var hasDigit = false
        var isHexadecimal = true
        for position in range {
            let byte = text[position]
            hasUpper = hasUpper || TextBytes.isUppercase(byte)
            hasLower = hasLower || byte &- 0x61 < 26
            hasDigit = hasDigit || TextBytes.isDigit(byte)
            isHexadecimal = isHexadecimal && TextBytes.isHexDigit(byte)
        }
        return hasUpper && hasLower && hasDigit && !isHexadecimal
    }

    /// A token after a label: letters, digits and the signs that tokens are made of, `minimum` of them at least.
    ///
    /// No more than `longestRead` are looked at; `PIIFinding.grown` adds the rest. After a label and a mere space a word
    /// of small letters is prose (`API key rotation-and-revocation-runbook`).
    static func token(at start: Int, in text: TextBytes, minimum: Int) -> Range<Int>? {
        var end = start
        var hasUpper = false
        var hasLower = false
        var hasDigit = false
        while end - start < longestRead, isToken(text[end]) {
            hasUpper = hasUpper || TextBytes.isUppercase(text[end])
            hasLower = hasLower || text[end] &- 0x61 < 26
            hasDigit = hasDigit || text.isDigit(end)
            end += 1
        }
        while end > start, text[end - 1] == 0x2E { end -= 1 }
        guard end - start >= minimum else { return nil }
        return hasDigit || (hasUpper && hasLower) || isAssigned(at: start, in: text) ? start..<end : nil
    }

    /// How much of a token is read at first.
    static let longestRead = 512

    /// Whether a sign such as `:`, `=` or a quote stands before the value, or nothing at all.
    private static func isAssigned(at start: Int, in text: TextBytes) -> Bool {
        var position = start
        let limit = start - 40
        while position > 0, position > limit, TextBytes.isSpace(text[position - 1]) { position -= 1 }
        switch text[position - 1] {
        case 0, 0x22, 0x27, 0x3A, 0x3D, 0x3E, 0x7C: return true
        default: return false
        }
    }

    static func isToken(_ byte: UInt8) -> Bool {
        isBase64(byte) || byte == 0x3D || byte == 0x2D || byte == 0x5F || byte == 0x2E
    }
}

/// International bank account numbers (ISO 13616).
enum IBANScanner {
    /// Two capitals, two check digits and 11 to 30 letters or digits, perhaps in groups of four, whose check number is
    /// right (ISO 7064, MOD 97-10).
    static func iban(countryAt start: Int, in text: TextBytes) -> Range<Int>? {
        guard start >= 0, TextBytes.isUppercase(text[start]), TextBytes.isUppercase(text[start + 1]),
            text.isDigit(start + 2), text.isDigit(start + 3), !text.isWord(start - 1)
        else { return nil }
        var best: Range<Int>?
        var remainder = 0
        var count = 0
        var position = start + 4
        while count < 30 {
            // Only a space after each group of four, as it is printed.
            if text[position] == 0x20, count.isMultiple(of: 4) { position += 1 }
            let byte = text[position]
            guard TextBytes.isDigit(byte) || TextBytes.isUppercase(byte) else { break }
            remainder = appended(byte, to: remainder)
            count += 1
            position += 1
            guard count >= 11, !text.isWord(position) else { continue }
            var check = remainder
            for index in 0..<4 { check = appended(text[start + index], to: check) }
            if check == 1 { best = start..<position }
        }
        return best
    }

    private static func appended(_ byte: UInt8, to remainder: Int) -> Int {
        if TextBytes.isDigit(byte) { return (remainder * 10 + Int(byte & 0x0F)) % 97 }
        return (remainder * 100 + Int(byte) - 0x41 + 10) % 97
    }
}
