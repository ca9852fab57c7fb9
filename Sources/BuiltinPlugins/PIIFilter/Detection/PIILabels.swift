// SPDX-License-Identifier: Apache-2.0

/// The words that say what the value after them is: `SSN: 123456789`, `"account_number": "12345678"`.
struct PIILabels: Sendable {
    /// One label: words, lower case, between which a space, `_`, `-` or nothing may stand.
    struct Label: Sendable {
        let words: [[UInt8]]
        let type: PIIType
    }

    /// Labels by their first letter, longest first.
    private let byLetter: [[Label]]
    /// Which second letters (bits from a) the labels of each first letter have: nearly every word ends the search here.
    private let secondLetters: [UInt32]

    private static let phrases: [(String, PIIType)] = [
        ("ssn", .ssn), ("social security", .ssn), ("social security number", .ssn),
        ("bsn", .bsn), ("burgerservicenummer", .bsn), ("citizen id", .bsn), ("citizen service number", .bsn),
        ("dob", .dateOfBirth), ("date of birth", .dateOfBirth), ("birth date", .dateOfBirth), ("born", .dateOfBirth),
        ("birthday", .dateOfBirth),
        ("passport", .passport),
        ("dl", .driverLicense), ("license", .driverLicense), ("licence", .driverLicense),
        ("driver license", .driverLicense), ("drivers license", .driverLicense), ("driver's license", .driverLicense),
        ("driver licence", .driverLicense), ("drivers licence", .driverLicense), ("driver's licence", .driverLicense),
        ("driving licence", .driverLicense), ("driving license", .driverLicense),
        ("account", .bankAccount), ("acct", .bankAccount), ("bank account", .bankAccount), ("iban", .bankAccount),
        ("mrn", .medicalRecord), ("medical record", .medicalRecord),
        ("api key", .apiKey), ("api token", .apiKey), ("access token", .apiKey), ("api secret", .apiKey),
        ("aws secret access key", .awsKey), ("secret access key", .awsKey),
        ("aws secret", .awsKey), ("aws secret key", .awsKey), ("secret key", .awsKey),
    ]

    init(types: Set<PIIType>) {
        var byLetter = [[Label]](repeating: [], count: 26)
        for (phrase, type) in Self.phrases where types.contains(type) {
            let words = phrase.utf8.split(separator: 0x20).map(Array.init)
            byLetter[Int(words[0][0] - 0x61)].append(Label(words: words, type: type))
        }
        self.byLetter = byLetter.map { labels in
            labels.sorted { $0.words.joined().count > $1.words.joined().count }
        }
        var secondLetters = [UInt32](repeating: 0, count: 26)
        for (letter, labels) in byLetter.enumerated() {
            for label in labels { secondLetters[letter] |= 1 << UInt32(label.words[0][1] - 0x61) }
        }
        self.secondLetters = secondLetters
    }

    /// The lower-case letters with which labels begin.
    var firstLetters: [UInt8] {
        (0..<26).filter { !byLetter[$0].isEmpty }.map { UInt8($0) + 0x61 }
    }

    /// Whether any label begins with these two bytes.
    @inline(__always)
    func mayBegin(_ first: UInt8, _ second: UInt8) -> Bool {
        let letter = TextBytes.lowercased(first) &- 0x61
        let next = TextBytes.lowercased(second) &- 0x61
        return letter < 26 && next < 26 && secondLetters[Int(letter)] & (1 << UInt32(next)) != 0
    }

    /// The label at `position`, and where it ends.
    func label(at position: Int, in text: TextBytes) -> (Label, end: Int)? {
        let first = text[position]
        guard mayBegin(first, text[position + 1]) else { return nil }
        for label in byLetter[Int(TextBytes.lowercased(first) &- 0x61)] {
            if let end = Self.end(of: label, at: position, in: text) { return (label, end) }
        }
        return nil
    }

    private static func end(of label: Label, at position: Int, in text: TextBytes) -> Int? {
        var position = position
        for (index, word) in label.words.enumerated() {
            if index > 0, text[position] == 0x20 || text[position] == 0x5F || text[position] == 0x2D {
                position += 1
            }
            for letter in word {
                guard TextBytes.lowercased(text[position]) == letter else { return nil }
                position += 1
            }
        }
        return isInsideWord(position, text) ? nil : position
    }

    /// Whether a word goes on at `position`; a hump, as in `accountNumber`, begins another one.
    private static func isInsideWord(_ position: Int, _ text: TextBytes) -> Bool {
        if TextBytes.isUppercase(text[position]), text.isLetter(position - 1) {
            return TextBytes.isUppercase(text[position - 1])
        }
        return text.isLetter(position) || text.isDigit(position)
    }

    /// The label that a key consists of, perhaps with a filler such as `number`.
    func label(ofKey key: String) -> Label? {
        var key = key
        return key.withUTF8 { bytes in
            let text = TextBytes(bytes)
            // `user_ssn`, `homeAccountNumber`: the label may follow other words.
            for position in 0..<min(text.count, 64)
            where !text.isLetter(position - 1) || !Self.isInsideWord(position, text) {
                if let (label, end) = label(at: position, in: text),
                    Self.valueStart(after: end, in: text) >= text.count
                {
                    return label
                }
            }
            return nil
        }
    }

    private static let fillers: [[UInt8]] = ["number", "no", "nr", "num", "id", "is", "was", "on", "value", "code"]
        .map { Array($0.utf8) }

    /// Where the value after a label can begin: after punctuation, spaces and up to three filler words.
    static func valueStart(after end: Int, in text: TextBytes) -> Int {
        var position = end
        var words = 0
        let limit = end + 40
        while position < limit, position < text.count {
            let byte = text[position]
            if TextBytes.isSpace(byte) || isFillerPunctuation(byte) {
                position += 1
                continue
            }
            guard words < 3, let next = filler(at: position, in: text) else { break }
            words += 1
            position = next
        }
        return position
    }

    private static func isFillerPunctuation(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22, 0x23, 0x27, 0x28, 0x2D, 0x2E, 0x3A, 0x3D, 0x3E, 0x5B, 0x5C, 0x5F, 0x7C: true
        default: false
        }
    }

    private static func filler(at position: Int, in text: TextBytes) -> Int? {
        for word in fillers {
            var end = position
            for letter in word {
                guard TextBytes.lowercased(text[end]) == letter else { break }
                end += 1
            }
            if end == position + word.count, !text.isLetter(end), !text.isDigit(end) { return end }
        }
        return nil
    }
}
