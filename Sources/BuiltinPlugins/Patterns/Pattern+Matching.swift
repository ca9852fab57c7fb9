// SPDX-License-Identifier: Apache-2.0

extension Pattern {
    /// Whether the pattern matches anywhere in `text`, as `re.search`.
    package func matches(in text: String, budget: inout MatchBudget) throws(PatternError) -> Bool {
        try withBytes(of: text) { bytes throws(PatternError) in
            try matches(in: bytes, budget: &budget)
        }
    }

    /// Whether the pattern matches anywhere in `text`, which must be valid UTF-8.
    func matches(in text: UnsafeBufferPointer<UInt8>, budget: inout MatchBudget) throws(PatternError) -> Bool {
        var search = try PatternSearch(compiled, source: source, in: text)
        return try search.find(from: 0, notEmptyAtStart: false, budget: &budget)
    }

    /// All matches that do not overlap, as `re.finditer`.
    package func allMatches(in text: String, budget: inout MatchBudget) throws(PatternError) -> [Match] {
        try withBytes(of: text) { bytes throws(PatternError) in
            var search = try PatternSearch(compiled, source: source, in: bytes)
            var matches: [Match] = []
            var next: Int? = 0
            var notEmpty = false
            while let from = next, try search.find(from: from, notEmptyAtStart: notEmpty, budget: &budget) {
                let range = search.range
                var groups: [Range<Int>?] = []
                for group in 0..<groupCount { groups.append(search.range(ofGroup: group + 1)) }
                matches.append(Match(range: range, groups: groups))
                (next, notEmpty) = Self.continuation(after: range)
            }
            return matches
        }
    }

    /// Calls `body` with the place of each match in `text`, which must be valid UTF-8.
    func forEachMatch(
        in text: UnsafeBufferPointer<UInt8>, budget: inout MatchBudget,
        _ body: (Range<Int>) throws(PatternError) -> Void
    ) throws(PatternError) {
        var search = try PatternSearch(compiled, source: source, in: text)
        var next: Int? = 0
        var notEmpty = false
        while let from = next, try search.find(from: from, notEmptyAtStart: notEmpty, budget: &budget) {
            let range = search.range
            try body(range)
            (next, notEmpty) = Self.continuation(after: range)
        }
    }

    /// Where to go on after a match: since Python 3.7 an empty match may follow a match at once, but not an empty one.
    static func continuation(after range: Range<Int>) -> (from: Int?, notEmpty: Bool) {
        (range.upperBound, range.isEmpty)
    }

    /// Gives the UTF-8 of `text` without copying it where it is stored as such, as all strings of Swift's own are.
    func withBytes<Result>(
        of text: String, _ body: (UnsafeBufferPointer<UInt8>) throws(PatternError) -> Result
    ) throws(PatternError) -> Result {
        var text = text
        let outcome = text.withUTF8 { bytes in
            Swift.Result { () throws(PatternError) in try body(bytes) }
        }
        return try outcome.get()
    }
}
