// SPDX-License-Identifier: Apache-2.0

/// Writes what takes the place of findings. One for each call: the tokens of a call are its own.
struct PIIMasker {
    let redactionText: String
    private var tokens: [String: String] = [:]

    init(redactionText: String) { self.redactionText = redactionText }

    /// `text` with every finding replaced; the findings must be merged.
    mutating func mask(_ text: String, _ findings: [PIIFinding]) -> String {
        var text = text
        var output: [UInt8] = []
        text.withUTF8 { bytes in
            output.reserveCapacity(bytes.count + findings.count * redactionText.utf8.count)
            var copied = 0
            for finding in findings {
                output.append(contentsOf: bytes[copied..<finding.range.lowerBound])
                let value = String(decoding: bytes[finding.range], as: UTF8.self)
                output.append(contentsOf: replacement(for: value, finding).utf8)
                copied = finding.range.upperBound
            }
            output.append(contentsOf: bytes[copied...])
        }
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func replacement(for value: String, _ finding: PIIFinding) -> String {
        switch finding.strategy {
        case .redact: return redactionText
        case .remove: return ""
        case .hash: return "[HASH:\(PIIHash.shared.hash(value))]"
        case .partial: return finding.isMixed ? redactionText : partial(value, finding.type)
        case .tokenize:
            if let token = tokens[value] { return token }
            let token = "[TOKEN:\(Self.hexadecimal(UInt32.random(in: 0...UInt32.max)))]"
            tokens[value] = token
            return token
        }
    }

    /// What the strategy `partial` keeps: the last four digits of numbers, the ends of an email's name, and the first and
    /// last character of what has no better rule.
    private func partial(_ value: String, _ type: PIIType) -> String {
        switch type {
        case .ssn: return lastDigits(value, mask: "***-**-")
        case .bsn: return lastDigits(value, mask: "*****")
        case .creditCard: return lastDigits(value, mask: "****-****-****-")
        case .phone: return lastDigits(value, mask: "***-***-")
        case .bankAccount: return lastDigits(value, mask: "****")
        case .email:
            guard let at = value.lastIndex(of: "@") else { return redactionText }
            let name = value[..<at].unicodeScalars
            guard let first = name.first, let last = name.last, name.count > 2 else { return "***\(value[at...])" }
            return "\(Character(first))***\(Character(last))\(value[at...])"
        case .ipAddress, .dateOfBirth, .passport, .driverLicense, .medicalRecord, .awsKey, .apiKey, .custom:
            let scalars = value.unicodeScalars
            guard let first = scalars.first, let last = scalars.last, scalars.count > 4 else { return redactionText }
            return Character(first).description + String(repeating: "*", count: scalars.count - 2) + last.description
        }
    }

    private func lastDigits(_ value: String, mask: String) -> String {
        let digits = value.unicodeScalars.filter { scalar in
            if scalar.isASCII { return TextBytes.isDigit(UInt8(scalar.value)) }
            return scalar.properties.generalCategory == .decimalNumber
        }
        // A short one would lose too little: an eight-digit number may show four, a five-digit one must not.
        guard digits.count >= 8 else { return redactionText }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: digits.suffix(4))
        return mask + String(kept)
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 8 - text.utf8.count) + text
    }
}
