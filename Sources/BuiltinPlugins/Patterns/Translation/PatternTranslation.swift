// SPDX-License-Identifier: Apache-2.0

/// A pattern of Python's `re`, as PCRE2 is to compile it.
struct PatternTranslation {
    /// The pattern in PCRE2's syntax. Groups are numbered only: Python's names are longer and wider than PCRE2's.
    let bytes: [UInt8]
    /// How many groups capture.
    let groupCount: Int
    /// The numbers of the groups that have a name.
    let groupNumbers: [String: Int]

    /// Translates `pattern`, or tells what Python's `re` of CPython 3.11 would refuse in it.
    ///
    /// - Parameter spellsOutWords: see `PatternWriter`.
    init(_ pattern: String, flags: PatternFlags, spellsOutWords: Bool) throws(PatternError) {
        var translator = PatternTranslator(pattern, flags: flags, spellsOutWords: spellsOutWords)
        try translator.translate()
        bytes = translator.writer.bytes
        groupCount = translator.groupCount
        groupNumbers = translator.groupNumbers
    }
}
