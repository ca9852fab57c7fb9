// SPDX-License-Identifier: Apache-2.0

/// Finds personal data in texts.
///
/// The text is read once, byte by byte; a byte that can begin something (a digit, `@`, `+`, `(`, `:`, the first letters of
/// a label at the beginning of a word) calls the scanners for it, all others cost three looks into tables (``PIIMarks``). Each
/// scanner looks at a bounded piece of text, so the time is linear in the text. The user's own patterns run on PCRE2, each over
/// the whole text.
///
/// A class, because each of many calls would copy all its tables' references otherwise.
final class PIIDetector: Sendable {
    /// A pattern of the user's own.
    struct CustomPattern: Sendable {
        let pattern: Pattern
        let type: PIIType
        let strategy: MaskStrategy
    }

    /// What the scanners ask at each number and word, as plain flags: a set would be hashed each time.
    private struct Scanners {
        let ssn, creditCard, phone, ipAddress, dateOfBirth, bankAccount, awsKey: Bool

        init(_ types: Set<PIIType>) {
            ssn = types.contains(.ssn)
            creditCard = types.contains(.creditCard)
            phone = types.contains(.phone)
            ipAddress = types.contains(.ipAddress)
            dateOfBirth = types.contains(.dateOfBirth)
            bankAccount = types.contains(.bankAccount)
            awsKey = types.contains(.awsKey)
        }
    }

    private let types: Set<PIIType>
    private let strategy: MaskStrategy
    private let customPatterns: [CustomPattern]
    private let whitelist: [Pattern]
    private let triggers: [PIITrigger]
    private let labels: PIILabels
    private let marks: PIIMarks
    private let looksFor: Scanners

    init(
        types: Set<PIIType>, strategy: MaskStrategy, customPatterns: [CustomPattern] = [], whitelist: [Pattern] = []
    ) {
        self.types = types
        self.strategy = strategy
        self.customPatterns = customPatterns
        self.whitelist = whitelist
        labels = PIILabels(types: types)
        triggers = PIITrigger.table(types: types)
        marks = PIIMarks(triggers: triggers, labels: labels, looksForAWSKeys: types.contains(.awsKey))
        looksFor = Scanners(types)
    }

    /// What is found in `text`, in order and merged; empty for most texts.
    ///
    /// - Parameter key: the key under which the text stands, which may be its label.
    /// - Throws: `PatternError` when a custom or whitelist pattern costs more than `budget` has.
    func findings(
        in text: String, key: String? = nil, budget: inout MatchBudget
    ) throws(PatternError) -> [PIIFinding] {
        var findings: [PIIFinding] = []
        for custom in customPatterns {
            try custom.pattern.withBytes(of: text) { bytes throws(PatternError) in
                try custom.pattern.forEachMatch(in: bytes, budget: &budget) { range in
                    guard !range.isEmpty else { return }
                    findings.append(PIIFinding(range: range, type: custom.type, strategy: custom.strategy))
                }
            }
        }
        if !types.isEmpty {
            var text = text
            let isASCII = text.withUTF8 { bytes in
                scan(TextBytes(bytes), key: key, into: &findings)
                return Self.isASCII(bytes)
            }
            if !isASCII, let folded = FoldedText(text) {
                // What the fold brings out comes on top; what was found already merges with itself.
                let first = findings.count
                folded.bytes.withUnsafeBufferPointer { scan(TextBytes($0), key: key, into: &findings) }
                for index in first..<findings.count {
                    findings[index].range = folded.original(of: findings[index].range)
                }
            }
        }
        if findings.isEmpty { return [] }
        if !whitelist.isEmpty { try dropWhitelisted(&findings, in: text, budget: &budget) }
        return PIIFinding.merged(findings)
    }

    private func dropWhitelisted(
        _ findings: inout [PIIFinding], in text: String, budget: inout MatchBudget
    ) throws(PatternError) {
        var kept: [PIIFinding] = []
        for finding in findings {
            var text = text
            let value = text.withUTF8 { String(decoding: $0[finding.range], as: UTF8.self) }
            var isWhitelisted = false
            for pattern in whitelist where !isWhitelisted {
                isWhitelisted = try pattern.matches(in: value, budget: &budget)
            }
            if !isWhitelisted { kept.append(finding) }
        }
        findings = kept
    }

    private func scan(_ text: TextBytes, key: String?, into findings: inout [PIIFinding]) {
        let first = findings.count
        func add(_ range: Range<Int>?, _ type: PIIType) {
            guard let range else { return }
            findings.append(PIIFinding(range: range, type: type, strategy: strategy))
        }

        if let key, let label = labels.label(ofKey: key) {
            add(PIIValueScanner.value(of: label.type, at: 0, in: text), label.type)
        }
        var position = marks.next(from: 0, in: text)
        while position < text.count {
            switch triggers[Int(text.bytes[position])] {
            case .digit:
                position = scanNumber(at: position, in: text, add)
            case .word:
                scanWord(at: position, in: text, add)
                position += 1
            case .at:
                add(EmailScanner.email(around: position, in: text), .email)
                position += 1
            case .plus, .parenthesis:
                if !text.isWord(position - 1) { add(PhoneScanner.phone(at: position, in: text), .phone) }
                position += 1
            case .colon:
                let (range, next) = AddressScanner.ipv6(around: position, in: text)
                add(range, .ipAddress)
                position = next
            }
            position = marks.next(from: position, in: text)
        }
        if looksFor.awsKey, text.hasDigit { KeyScanner.forEachAWSSecret(in: text) { add($0, .awsKey) } }
        if findings.count > first {
            findings.replaceSubrange(first..., with: PIIFinding.grown(Array(findings[first...]), in: text))
        }
    }

    /// Looks for what begins with the digit at `position`, and returns where to go on: after its run of digits.
    private func scanNumber(at position: Int, in text: TextBytes, _ add: (Range<Int>?, PIIType) -> Void) -> Int {
        var end = position
        while text.isDigit(end) { end += 1 }
        let length = end - position
        if text.isLetter(position - 1) {
            if length >= 2, looksFor.bankAccount {
                add(IBANScanner.iban(countryAt: position - 2, in: text), .bankAccount)
            }
            return end
        }
        guard !text.isWord(position - 1) else { return end }
        if length <= 3, text[end] == 0x2E, looksFor.ipAddress {
            add(AddressScanner.ipv4(at: position, in: text), .ipAddress)
        }
        if length == 3, looksFor.ssn { add(NumberScanner.ssn(at: position, in: text), .ssn) }
        if length == 4 || (13...19).contains(length), looksFor.creditCard {
            add(CardScanner.card(at: position, in: text), .creditCard)
        }
        if length == 1 || length == 3 || length == 10 || length == 11, looksFor.phone {
            add(PhoneScanner.phone(at: position, in: text), .phone)
        }
        if length == 2, looksFor.dateOfBirth {
            add(DateScanner.monthDayYear(at: position, in: text), .dateOfBirth)
        }
        return end
    }

    /// Looks for what begins with the word at `position`.
    private func scanWord(at position: Int, in text: TextBytes, _ add: (Range<Int>?, PIIType) -> Void) {
        if text[position] == 0x41, looksFor.awsKey {
            add(KeyScanner.awsIdentifier(at: position, in: text), .awsKey)
        }
        if let (label, end) = labels.label(at: position, in: text) {
            let start = PIILabels.valueStart(after: end, in: text)
            add(PIIValueScanner.value(of: label.type, at: start, in: text), label.type)
        }
    }

    private static func isASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var all: UInt8 = 0
        for byte in bytes { all |= byte }
        return all < 0x80
    }
}
