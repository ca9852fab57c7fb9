// SPDX-License-Identifier: Apache-2.0

/// The flags of a pattern, with the meaning of Python's `re` (module contents, "Flags").
package struct PatternFlags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `re.I`: letters match whatever their case, by Unicode's rules (by ASCII's with `.ascii`).
    package static let ignoreCase = PatternFlags(rawValue: 1)
    /// `re.M`: `^` and `$` also match at the lines' begins and ends.
    package static let multiline = PatternFlags(rawValue: 2)
    /// `re.S`: `.` also matches a newline.
    package static let dotAll = PatternFlags(rawValue: 4)
    /// `re.X`: white space and `#` comments in the pattern are skipped.
    package static let verbose = PatternFlags(rawValue: 8)
    /// `re.A`: `\w \d \s \b` and case know ASCII only.
    package static let ascii = PatternFlags(rawValue: 16)
    /// `re.U`: the default; it is here because `(?u)` next to `(?a)` is an error.
    package static let unicode = PatternFlags(rawValue: 32)

    /// The flags of which only one can be on.
    static let types: PatternFlags = [.ascii, .unicode]

    /// The flags inside a group that turns some on and some off, as `(?a-i:...)`.
    func applying(adding: PatternFlags, removing: PatternFlags) -> PatternFlags {
        var flags = self
        if !adding.isDisjoint(with: Self.types) { flags.subtract(Self.types) }
        return flags.union(adding).subtracting(removing)
    }
}
