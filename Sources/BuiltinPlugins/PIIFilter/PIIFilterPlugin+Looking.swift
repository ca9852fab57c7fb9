// SPDX-License-Identifier: Apache-2.0

internal import Values

extension PIIFilterPlugin {
    /// A string masked; nil when nothing is in it or the call will be blocked.
    func mask(_ text: String, at path: ValueWalker.Path, _ pass: inout Pass) throws -> String? {
        let findings = try findings(in: text, key: path.lastKey, at: path, &pass)
        guard !findings.isEmpty else { return nil }
        count(findings, at: path.description, &pass)
        return settings.blockOnDetection ? nil : pass.masker.mask(text, findings)
    }

    /// A number masked, as text; nil when it is no personal data or the call will be blocked.
    ///
    /// Only whole numbers are looked at. One that looks like a phone number is none: it is an identifier or a time.
    func mask(number: Value, at path: ValueWalker.Path, _ pass: inout Pass) throws -> Value? {
        guard let digits = Self.digits(of: number) else { return nil }
        var text = digits
        var found = try findings(in: text, key: path.lastKey, at: path, &pass).filter { $0.type != .phone }
        if found.isEmpty, (7...8).contains(digits.utf8.count) {
            // A number has lost the zeros with which it began.
            text = String(repeating: "0", count: 9 - digits.utf8.count) + digits
            found = try findings(in: text, key: path.lastKey, at: path, &pass)
                .filter { $0.type == .ssn || $0.type == .bsn }
        }
        guard !found.isEmpty else { return nil }
        count(found, at: path.description, &pass)
        return settings.blockOnDetection ? nil : .string(pass.masker.mask(text, found))
    }

    /// Counts what is in a key; such a key is shown nowhere.
    func look(atKey key: String, of path: ValueWalker.Path, _ pass: inout Pass) throws -> String? {
        let findings = try findings(in: key, key: nil, at: path, &pass)
        guard !findings.isEmpty else { return nil }
        count(findings, at: "\(path.appending(Self.hiddenKey))", &pass)
        pass.inKeys += findings.count
        return Self.hiddenKey
    }

    /// What stands in a path for a key that holds personal data.
    static let hiddenKey = "(key)"

    private func findings(
        in text: String, key: String?, at path: ValueWalker.Path, _ pass: inout Pass
    ) throws -> [PIIFinding] {
        guard text.utf8.count <= settings.maxTextBytes else {
            throw TextLimitError("\(path) is longer than \(settings.maxTextBytes) bytes")
        }
        return try detector.findings(in: text, key: key, budget: &pass.budget)
    }

    private func count(_ findings: [PIIFinding], at place: @autoclosure () -> String, _ pass: inout Pass) {
        for finding in findings { pass.counts[finding.type, default: 0] += 1 }
        if pass.fields.count < Self.fieldLimit { pass.fields.append(place()) }
    }

    /// The digits of a whole number above 999,999; nil for any other.
    private static func digits(of number: Value) -> String? {
        switch number {
        case .int(let value) where value > 999_999: String(value)
        // As which a protobuf Struct carries all numbers; beyond 2^53 the digits are no longer those that were sent.
        case .double(let value) where value > 999_999 && value <= 0x1p53 && value == value.rounded():
            String(Int64(value))
        default: nil
        }
    }
}
