// SPDX-License-Identifier: Apache-2.0

/// Personal data found in a text.
struct PIIFinding: Equatable {
    /// Where, in bytes.
    var range: Range<Int>
    var type: PIIType
    var strategy: MaskStrategy
    /// Whether it stands for several findings of which `type` does not tell what may stay: it is then masked whole.
    var isMixed = false

    /// Findings in order, with those that overlap made one, so that masking one never damages or uncovers another.
    ///
    /// The first and longest of a group gives type and strategy. Of equal ranges the first found wins.
    static func merged(_ findings: [PIIFinding]) -> [PIIFinding] {
        guard findings.count > 1 else { return findings }
        let sorted = findings.enumerated().sorted { left, right in
            let (first, second) = (left.element.range, right.element.range)
            if first.lowerBound != second.lowerBound { return first.lowerBound < second.lowerBound }
            if first.upperBound != second.upperBound { return first.upperBound > second.upperBound }
            return left.offset < right.offset
        }
        var result: [PIIFinding] = []
        for (_, finding) in sorted {
            guard let last = result.last, finding.range.lowerBound < last.range.upperBound else {
                result.append(finding)
                continue
            }
            if finding.range.upperBound > last.range.upperBound {
                result[result.count - 1].range = last.range.lowerBound..<finding.range.upperBound
                result[result.count - 1].isMixed = true
            } else if finding.range != last.range, finding.type != last.type {
                // What the outer type keeps (an email's domain) may be what the inner one hides.
                result[result.count - 1].isMixed = true
            }
        }
        return result
    }
}
