// SPDX-License-Identifier: Apache-2.0

extension PatternTranslator {
    /// `(?ims)` and `(?i-s:...)`, of which the first letter was read; nil for the first form.
    mutating func flagGroup(
        _ first: UInt32, from start: Int, nesting: Int, mayBeGlobal: Bool
    ) throws(PatternError) -> Width? {
        var letter = first
        var added: PatternFlags = []
        var removed: PatternFlags = []
        if letter != 0x2D {
            repeat {
                added.insert(try addedFlag(letter, next: added))
                guard let next = scanner.take() else { throw missing("-, : or )") }
                letter = next
            } while !(letter == 0x29 || letter == 0x2D || letter == 0x3A)
        }
        if letter == 0x29 {
            guard mayBeGlobal else {
                throw scanner.error(
                    "global flags not at the start of the expression; move them there, or write (?i:...)", at: start)
            }
            if added.union(flags).isSuperset(of: PatternFlags.types) {
                throw scanner.error("ASCII and UNICODE flags are incompatible; leave one out", at: start)
            }
            flags.formUnion(added)
            return nil
        }
        if letter == 0x2D {
            guard let next = scanner.take() else { throw missing("flag") }
            letter = next
            repeat {
                removed.insert(try removedFlag(letter))
                guard let next = scanner.take() else { throw missing(":") }
                letter = next
            } while letter != 0x3A
        }
        if !added.isDisjoint(with: removed) {
            throw scanner.error("bad inline flags: flag turned on and off; leave one out", at: scanner.position - 1)
        }
        return try scopedGroup(
            flags.applying(adding: added, removing: removed), from: start, nesting: nesting)
    }

    private mutating func scopedGroup(
        _ inner: PatternFlags, from start: Int, nesting: Int
    ) throws(PatternError) -> Width {
        let outer = flags
        flags = inner
        defer { flags = outer }
        writer.write(Self.isCaseless(inner) ? "(?i:" : "(?-i:")
        let width = try translateBranches(nesting: nesting + 1)
        guard scanner.take(")") else {
            throw scanner.error("missing ), unterminated subpattern; close it, or write \\(", at: start)
        }
        writer.write(")")
        return width
    }

    private func addedFlag(_ letter: UInt32, next others: PatternFlags) throws(PatternError) -> PatternFlags {
        let flag: PatternFlags
        switch UnicodeScalar(letter) {
        case "a": flag = .ascii
        case "i": flag = .ignoreCase
        case "m": flag = .multiline
        case "s": flag = .dotAll
        case "u": flag = .unicode
        case "x": flag = .verbose
        case "L":
            throw scanner.error(
                "bad inline flags: cannot use 'L' flag with a str pattern; leave it out", at: scanner.position - 1)
        default:
            throw unknownFlag(letter, or: "-, : or )")
        }
        if others.union(flag).isSuperset(of: PatternFlags.types) {
            throw scanner.error(
                "bad inline flags: flags 'a', 'u' and 'L' are incompatible; keep one", at: scanner.position - 1)
        }
        return flag
    }

    private func removedFlag(_ letter: UInt32) throws(PatternError) -> PatternFlags {
        switch UnicodeScalar(letter) {
        case "i": return .ignoreCase
        case "m": return .multiline
        case "s": return .dotAll
        case "x": return .verbose
        case "a", "L", "u":
            throw scanner.error(
                "bad inline flags: cannot turn off flags 'a', 'u' and 'L'; turn another one on",
                at: scanner.position - 1)
        default:
            throw unknownFlag(letter, or: ":")
        }
    }

    private func unknownFlag(_ letter: UInt32, or expected: String) -> PatternError {
        let isLetter = UnicodeScalar(letter).map(\.properties.isAlphabetic) ?? false
        return scanner.error(
            isLetter ? "unknown flag; Python's are a, i, m, s, u, x" : "missing \(expected); close the flags",
            at: scanner.position - 1)
    }

    private func missing(_ what: String) -> PatternError {
        scanner.error("missing \(what); finish the flags", at: scanner.scalars.count)
    }
}
