// SPDX-License-Identifier: Apache-2.0

extension PatternTranslator {
    /// Translates a group of which the `(` was read; nil when it matches nothing: a comment, or global flags.
    mutating func translateGroup(nesting: Int, mayHoldGlobalFlags: Bool) throws(PatternError) -> Width? {
        let start = scanner.position - 1
        guard scanner.take("?") else {
            return try captureGroup(name: nil, from: start, nesting: nesting)
        }
        guard let letter = scanner.take() else { throw endOfPattern() }
        switch UnicodeScalar(letter) {
        case "P":
            return try pythonGroup(from: start, nesting: nesting)
        case ":":
            return try plainGroup("(?:", from: start, nesting: nesting)
        case ">":
            return try plainGroup("(?>", from: start, nesting: nesting)
        case "=":
            _ = try plainGroup("(?=", from: start, nesting: nesting)
            return .zero
        case "!":
            _ = try plainGroup("(?!", from: start, nesting: nesting)
            return .zero
        case "<":
            return try lookbehind(from: start, nesting: nesting)
        case "(":
            return try conditional(from: start, nesting: nesting)
        case "#":
            while let scalar = scanner.take() {
                if scalar == 0x29 { return nil }
                if scalar == 0x5C { scanner.position += 1 }
            }
            throw scanner.error("missing ), unterminated comment; close it", at: start)
        case "-", "a", "i", "L", "m", "s", "u", "x", "t":
            return try flagGroup(letter, from: start, nesting: nesting, mayBeGlobal: mayHoldGlobalFlags)
        default:
            throw unknownExtension("?", letter, at: start + 1)
        }
    }

    private mutating func captureGroup(name: String?, from start: Int, nesting: Int) throws(PatternError) -> Width {
        groupCount += 1
        let number = groupCount
        if let name {
            if let taken = groupNumbers[name] {
                throw scanner.error(
                    "redefinition of group name '\(name)' as group \(number); was group \(taken); rename one",
                    at: start + 4)
            }
            groupNumbers[name] = number
        }
        let width = try plainGroup("(", from: start, nesting: nesting)
        groupWidths[number] = width
        return width
    }

    /// A group that differs from others in nothing but its opening.
    private mutating func plainGroup(
        _ opening: StaticString, from start: Int, nesting: Int
    ) throws(PatternError) -> Width {
        writer.write(opening)
        let width = try translateBranches(nesting: nesting + 1)
        try close(from: start)
        return width
    }

    private mutating func close(from start: Int) throws(PatternError) {
        guard scanner.take(")") else {
            throw scanner.error("missing ), unterminated subpattern; close it, or write \\(", at: start)
        }
        writer.write(")")
    }

    /// `(?P<name>...)` and `(?P=name)`.
    private mutating func pythonGroup(from start: Int, nesting: Int) throws(PatternError) -> Width {
        if scanner.take("<") {
            let name = try groupName(until: ">")
            return try captureGroup(name: name, from: start, nesting: nesting)
        }
        if scanner.take("=") {
            let offset = scanner.position
            let name = try groupName(until: ")")
            guard let number = groupNumbers[name] else { throw unknownName(name, at: offset) }
            return try writeReference(to: number, at: offset)
        }
        guard let letter = scanner.take() else { throw endOfPattern() }
        throw unknownExtension("?P", letter, at: start + 1)
    }

    private mutating func groupName(until terminator: UnicodeScalar) throws(PatternError) -> String {
        let offset = scanner.position
        let name = try scanner.takeName(until: terminator)
        guard PatternScanner.isIdentifier(name) else {
            throw scanner.error(
                "bad character in group name '\(name)'; write letters, digits and _", at: offset)
        }
        return name
    }

    private mutating func lookbehind(from start: Int, nesting: Int) throws(PatternError) -> Width {
        guard let letter = scanner.take() else { throw endOfPattern() }
        let opening: StaticString
        switch UnicodeScalar(letter) {
        case "=": opening = "(?<="
        case "!": opening = "(?<!"
        default: throw unknownExtension("?<", letter, at: start + 1)
        }
        let outer = lookbehindGroups
        if outer == nil { lookbehindGroups = groupCount + 1 }
        let width = try plainGroup(opening, from: start, nesting: nesting)
        lookbehindGroups = outer
        guard width.low == width.high else {
            throw scanner.error(
                "look-behind requires fixed-width pattern; write one look-behind for each width", at: start)
        }
        return .zero
    }

    /// `(?(1)yes|no)`, `(?(name)yes|no)`.
    private mutating func conditional(from start: Int, nesting: Int) throws(PatternError) -> Width {
        let offset = scanner.position
        let name = try scanner.takeName(until: ")")
        let number: Int
        if PatternScanner.isIdentifier(name) {
            guard let known = groupNumbers[name] else { throw unknownName(name, at: offset) }
            number = known
        } else {
            let digits = name.unicodeScalars.map(\.value)
            guard digits.allSatisfy(PatternScanner.isDigit), let value = PatternScanner.number(digits[...]) else {
                throw scanner.error("bad character in group name '\(name)'; write a number or a name", at: offset)
            }
            if value == 0 { throw scanner.error("bad group number; groups count from 1", at: offset) }
            note(condition: value, at: offset)
            number = value
        }
        try checkLookbehind(refersTo: number, at: offset)
        writer.write("(?(")
        writer.write(number: number)
        writer.write(")")
        var width = try conditionBranch(nesting: nesting)
        if scanner.take("|") {
            writer.write("|")
            width = width.alternative(try conditionBranch(nesting: nesting))
            if scanner.isNext("|") {
                throw scanner.error(
                    "conditional backref with more than two branches; group them in (?:...)", at: scanner.position)
            }
        } else {
            width.low = 0
        }
        try close(from: start)
        return width
    }

    private mutating func conditionBranch(nesting: Int) throws(PatternError) -> Width {
        if nesting >= Self.nestingLimit {
            throw PatternError(
                .tooLarge, "groups nest deeper than \(Self.nestingLimit); simplify the pattern",
                pattern: scanner.source, offset: scanner.position)
        }
        return try translateSequence(nesting: nesting + 1, isFirst: false)
    }

    private func unknownName(_ name: String, at offset: Int) -> PatternError {
        scanner.error("unknown group name '\(name)'; define it before", at: offset)
    }

    func endOfPattern() -> PatternError {
        scanner.error("unexpected end of pattern; finish the group", at: scanner.scalars.count)
    }

    private func unknownExtension(_ prefix: String, _ letter: UInt32, at offset: Int) -> PatternError {
        let text = UnicodeScalar(letter).map { String(Character($0)) } ?? ""
        return scanner.error("unknown extension \(prefix)\(text); Python's re has no such group", at: offset)
    }
}
