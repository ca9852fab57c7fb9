// SPDX-License-Identifier: Apache-2.0

extension Pattern {
    /// `text` with every match replaced, as `re.sub`; nil when nothing matches.
    ///
    /// - Throws: `PatternError`, also when the result would be over `MatchBudget.outputLimit`.
    package func replacingMatches(
        in text: String, with replacement: Replacement, budget: inout MatchBudget
    ) throws(PatternError) -> String? {
        try withBytes(of: text) { bytes throws(PatternError) in
            var search = try PatternSearch(compiled, source: source, in: bytes)
            guard try search.find(from: 0, notEmptyAtStart: false, budget: &budget) else { return nil }
            var output: [UInt8] = []
            output.reserveCapacity(min(bytes.count, MatchBudget.outputLimit))
            var copied = 0
            repeat {
                let range = search.range
                output.append(contentsOf: bytes[copied..<range.lowerBound])
                for part in replacement.parts {
                    switch part {
                    case .text(let text): output.append(contentsOf: text)
                    case .group(0): output.append(contentsOf: bytes[range])
                    case .group(let number):
                        if let group = search.range(ofGroup: number) { output.append(contentsOf: bytes[group]) }
                    }
                    if output.count > MatchBudget.outputLimit { throw tooLong() }
                }
                copied = range.upperBound
                let (next, notEmpty) = Self.continuation(after: range)
                guard let next, try search.find(from: next, notEmptyAtStart: notEmpty, budget: &budget) else { break }
            } while true
            output.append(contentsOf: bytes[copied...])
            if output.count > MatchBudget.outputLimit { throw tooLong() }
            return String(decoding: output, as: UTF8.self)
        }
    }

    private func tooLong() -> PatternError {
        PatternError(
            .tooLarge, "replacing makes a text over \(MatchBudget.outputLimit) bytes; shorten the replacement",
            pattern: source)
    }
}
