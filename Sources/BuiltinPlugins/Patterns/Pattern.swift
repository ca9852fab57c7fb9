// SPDX-License-Identifier: Apache-2.0

/// A regular expression with the meaning it has in Python's `re` (CPython 3.11, `str` patterns), run by PCRE2.
///
/// What Python refuses is refused, with the place and the reason. Differences, all towards refusing: `\N{name}`,
/// surrogates, counts above 65,535, groups nested deeper than 100, and patterns whose compiled form is over 64 KiB.
/// `(?ai)` with a back reference compares by Unicode's case rules. What a group captured inside a possessive repetition,
/// or when an iteration was empty, can differ from CPython 3.11, which has open faults there (some end in SystemError).
///
/// A pattern compiles once and is then safe to use from any number of threads. A hostile pattern or text ends in an
/// error: see `MatchBudget`. Offsets are UTF-8 bytes.
package struct Pattern: Sendable {
    /// The pattern as it was written.
    package let source: String
    /// How many groups capture.
    package let groupCount: Int
    /// The numbers of the groups that have a name.
    package let groupNumbers: [String: Int]

    let compiled: CompiledPattern

    /// - Throws: `PatternError` that names what is wrong in `source`, where, and what to write instead.
    package init(_ source: String, flags: PatternFlags = []) throws(PatternError) {
        try self.init(source, flags: flags, spellsOutWords: PCRE2.hasWideWords)
    }

    /// For tests: what newer libraries need is tried with this one too.
    init(_ source: String, flags: PatternFlags, spellsOutWords: Bool) throws(PatternError) {
        guard source.utf8.count <= Self.sourceLimit else {
            throw PatternError(
                .tooLarge, "the pattern is longer than \(Self.sourceLimit) bytes; split it", pattern: source)
        }
        let translation = try PatternTranslation(source, flags: flags, spellsOutWords: spellsOutWords)
        self.source = source
        groupCount = translation.groupCount
        groupNumbers = translation.groupNumbers
        compiled = try CompiledPattern(translation, source: source)
    }

    /// The longest pattern, in bytes of UTF-8.
    package static let sourceLimit = 64 << 10

    /// One match: where the whole is, and each group.
    package struct Match: Sendable, Equatable {
        /// Where the match is, in bytes.
        package let range: Range<Int>
        /// Where groups 1, 2, ... are; nil for those that took no part.
        package let groups: [Range<Int>?]
    }
}
