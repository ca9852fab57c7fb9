// SPDX-License-Identifier: Apache-2.0

extension PIIFinding {
    /// Findings of one scan in order, each grown over the rest of the number or token that it is part of.
    ///
    /// A scanner knows how long a value may be; what goes on beyond that must not stay beside the mask. Scanners read a
    /// bounded piece, and this reads what follows once, however many findings there are.
    static func grown(_ findings: [PIIFinding], in text: TextBytes) -> [PIIFinding] {
        var findings = findings.sorted { $0.range.lowerBound < $1.range.lowerBound }
        var covered = 0
        for index in findings.indices {
            let range = findings[index].range
            guard range.upperBound > covered else { continue }
            // What another finding begins is that one's.
            var next = index + 1
            while next < findings.count, findings[next].range.lowerBound < range.upperBound { next += 1 }
            let limit = next < findings.count ? findings[next].range.lowerBound : text.count
            covered = end(of: findings[index], in: text, limit: limit)
            findings[index].range = range.lowerBound..<max(covered, range.upperBound)
        }
        return findings
    }

    private static func end(of finding: PIIFinding, in text: TextBytes, limit: Int) -> Int {
        let range = finding.range
        var end = range.upperBound
        switch finding.type {
        case .ssn, .bsn, .creditCard, .phone, .bankAccount:
            let hasSpace = text.contains(0x20, in: range)
            while end < limit {
                if text.isDigit(end) {
                    end += 1
                } else if end + 1 < limit, text.isDigit(end + 1), isJoint(text[end], hasSpace) {
                    end += 2
                } else {
                    break
                }
            }
        case .apiKey, .awsKey:
            guard range.count >= KeyScanner.longestRead else { break }
            while end < text.count, KeyScanner.isToken(text[end]) { end += 1 }
        case .passport, .medicalRecord:
            guard range.count >= PIIValueScanner.longestRead else { break }
            while end < text.count, text.isWord(end) || (text[end] == 0x2D && text.isWord(end + 1)) { end += 1 }
        case .email, .ipAddress, .dateOfBirth, .driverLicense, .custom: break
        }
        return end
    }

    /// Whether a number goes on after a sign: a space only if there is one in it, `call 555-123-4567 2 times`.
    private static func isJoint(_ byte: UInt8, _ hasSpace: Bool) -> Bool {
        byte == 0x2D || byte == 0x2E || (byte == 0x20 && hasSpace)
    }
}
