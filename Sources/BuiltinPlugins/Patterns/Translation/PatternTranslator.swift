// SPDX-License-Identifier: Apache-2.0

/// Reads a pattern as CPython 3.11's `re._parser` does and writes the same pattern for PCRE2.
///
/// The grammar is Python's, so what Python refuses is refused here and never reaches PCRE2, whose own extensions
/// (`\K`, `\R`, `\h`, verbs, recursion, `\p{..}`, POSIX classes, branch reset) are thus out of reach.
struct PatternTranslator {
    /// How many characters a part can match: what a look-behind must know.
    struct Width {
        var low: Int
        var high: Int

        static let zero = Width(low: 0, high: 0)
        static let one = Width(low: 1, high: 1)
        static let limit = 1 << 40

        func followed(by other: Width) -> Width {
            Width(low: min(low + other.low, Self.limit), high: min(high + other.high, Self.limit))
        }

        func alternative(_ other: Width) -> Width {
            Width(low: min(low, other.low), high: max(high, other.high))
        }
    }

    /// The last thing read, as far as a quantifier must know it.
    enum Item {
        case nothing, position, repeated, other
    }

    /// How deep groups may nest: the limit of every decoder of ours.
    static let nestingLimit = 100
    /// The largest count PCRE2 takes in a quantifier.
    static let repeatLimit = 65_535

    var scanner: PatternScanner
    var writer: PatternWriter
    var flags: PatternFlags
    var groupCount = 0
    var groupNumbers: [String: Int] = [:]
    /// The width of each closed group.
    var groupWidths: [Int: Width] = [:]
    /// While inside a look-behind: the first group number that is defined in it.
    var lookbehindGroups: Int?
    /// Where conditions named a group by number; it may be defined later.
    private var conditions: [(number: Int, offset: Int)] = []

    init(_ pattern: String, flags: PatternFlags, spellsOutWords: Bool) {
        scanner = PatternScanner(pattern, errorsAre: .syntax)
        writer = PatternWriter(spellsOutWords: spellsOutWords)
        self.flags = flags
    }

    /// Whether PCRE2 is to ignore case by itself; ASCII's rules are written out instead, as it knows only Unicode's.
    static func isCaseless(_ flags: PatternFlags) -> Bool { flags.contains(.ignoreCase) && !flags.contains(.ascii) }

    mutating func translate() throws(PatternError) {
        // PCRE2 ends at an odd backslash anyway; Python reports it before all else.
        try checkLastBackslash()
        // The global flags are known once the leading groups have been read, so the scope is written afterwards.
        _ = try translateBranches(nesting: 0)
        if scanner.next != nil {
            throw scanner.error("unbalanced parenthesis; remove it or write \\)", at: scanner.position)
        }
        for condition in conditions where condition.number > groupCount {
            throw scanner.error(
                "invalid group reference \(condition.number); there is no such group", at: condition.offset)
        }
        if Self.isCaseless(flags) {
            writer.insert("(?i:", at: 0)
            writer.write(")")
        }
    }

    mutating func note(condition number: Int, at offset: Int) { conditions.append((number, offset)) }

    private func checkLastBackslash() throws(PatternError) {
        let backslashes = scanner.scalars.reversed().prefix { $0 == 0x5C }.count
        if !backslashes.isMultiple(of: 2) {
            throw scanner.error(
                "bad escape (end of pattern); write \\\\ for a backslash", at: scanner.scalars.count - 1)
        }
    }

    /// Branches up to a closing parenthesis or the end.
    mutating func translateBranches(nesting: Int) throws(PatternError) -> Width {
        if nesting > Self.nestingLimit {
            throw PatternError(
                .tooLarge, "groups nest deeper than \(Self.nestingLimit); simplify the pattern",
                pattern: scanner.source, offset: scanner.position)
        }
        var width = try translateSequence(nesting: nesting, isFirst: nesting == 0)
        while scanner.take("|") {
            writer.write("|")
            width = width.alternative(try translateSequence(nesting: nesting, isFirst: false))
        }
        return width
    }

    /// One branch. `isFirst` says that global flags may stand at its begin.
    mutating func translateSequence(nesting: Int, isFirst: Bool) throws(PatternError) -> Width {
        var total = Width.zero
        var item = Item.nothing
        var itemWidth = Width.zero
        var itemStart = writer.count

        while let scalar = scanner.next, scalar != 0x7C, scalar != 0x29 {
            scanner.position += 1
            if flags.contains(.verbose), skipVerbose(scalar) { continue }

            switch UnicodeScalar(scalar) {
            case "?", "*", "+", "{":
                guard let range = try quantifier(scalar, after: item) else {
                    total = total.followed(by: itemWidth)
                    (item, itemWidth, itemStart) = (.other, .one, writer.count)
                    writeLiteral(scalar)
                    continue
                }
                writeQuantifier(range, from: itemStart)
                itemWidth = Width(
                    low: min(itemWidth.low * range.low, Width.limit),
                    high: range.high.map { min(itemWidth.high * $0, Width.limit) }
                        ?? (itemWidth.high == 0 ? 0 : Width.limit))
                item = .repeated
                continue
            case "(":
                let start = writer.count
                guard
                    let width = try translateGroup(
                        nesting: nesting, mayHoldGlobalFlags: isFirst && item == .nothing)
                else { continue }
                total = total.followed(by: itemWidth)
                (item, itemWidth, itemStart) = (.other, width, start)
                continue
            default:
                total = total.followed(by: itemWidth)
                (item, itemWidth, itemStart) = (.other, .one, writer.count)
            }

            switch UnicodeScalar(scalar) {
            case "\\":
                (item, itemWidth) = try translateEscape()
            case "[":
                try translateClass()
            case ".":
                writer.write(flags.contains(.dotAll) ? "(?s:.)" : "\\N")
            case "^":
                writer.write(flags.contains(.multiline) ? "(?m:^)" : "\\A")
                (item, itemWidth) = (.position, .zero)
            case "$":
                writer.write(flags.contains(.multiline) ? "(?m:$)" : "\\Z")
                (item, itemWidth) = (.position, .zero)
            default:
                try checkScalar(scalar, at: scanner.position - 1)
                writeLiteral(scalar)
            }
        }
        return total.followed(by: itemWidth)
    }

    /// Skips white space or a comment of verbose mode, of which `scalar` was read.
    private mutating func skipVerbose(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x20, 0x09...0x0D:
            return true
        case 0x23:
            while let scalar = scanner.take(), scalar != 0x0A {
                // An escaped newline does not end a comment: Python reads a backslash and what follows as one.
                if scalar == 0x5C { scanner.position += 1 }
            }
            return true
        default:
            return false
        }
    }

    /// Writes a character that stands for itself, with the others that `flags` take for the same.
    mutating func writeLiteral(_ scalar: UInt32) {
        guard flags.contains(.ignoreCase) else { return writer.write(scalar: scalar) }
        var set = ScalarSet()
        set.insert(scalar...scalar)
        if flags.contains(.ascii) { set.closeOverASCIICase() } else { set.closeOverPythonCase() }
        if set.ranges.count == 1 { writer.write(scalar: scalar) } else { writer.write(set: set, negated: false) }
    }

    /// A surrogate has no UTF-8, so no text can hold it and PCRE2 refuses it.
    func checkScalar(_ scalar: UInt32, at offset: Int) throws(PatternError) {
        if (0xD800...0xDFFF).contains(scalar) {
            throw PatternError(
                .unsupported, "a surrogate never occurs in UTF-8 text; remove it or write the character it stands for",
                pattern: scanner.source, offset: offset)
        }
    }
}
