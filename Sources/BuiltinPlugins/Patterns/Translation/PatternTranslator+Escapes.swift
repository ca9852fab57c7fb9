// SPDX-License-Identifier: Apache-2.0

extension PatternTranslator {
    /// What an escape stands for.
    enum Escape {
        case scalar(UInt32)
        /// One of `d D s S w W`.
        case category(UInt32)
        /// One of `A Z b B`.
        case position(UInt32)
        case group(Int)
    }

    /// Translates an escape outside a class; its backslash was read.
    mutating func translateEscape() throws(PatternError) -> (Item, Width) {
        let start = scanner.position - 1
        switch try escape(inClass: false) {
        case .scalar(let scalar):
            try checkScalar(scalar, at: start)
            writeLiteral(scalar)
            return (.other, .one)
        case .category(let letter):
            writeCategory(letter)
            return (.other, .one)
        case .position(let letter):
            switch UnicodeScalar(letter) {
            case "A": writer.write("\\A")
            case "Z": writer.write("\\z")
            case "b": writer.writeWordBoundary(negated: false, ascii: flags.contains(.ascii))
            default: writer.writeWordBoundary(negated: true, ascii: flags.contains(.ascii))
            }
            return (.position, .zero)
        case .group(let number):
            return (.other, try writeReference(to: number, at: start + 1))
        }
    }

    /// Writes a reference to what a group matched.
    mutating func writeReference(to number: Int, at offset: Int) throws(PatternError) -> Width {
        guard let width = groupWidths[number] else {
            throw scanner.error("cannot refer to an open group; refer to it after its )", at: offset)
        }
        try checkLookbehind(refersTo: number, at: offset)
        // ASCII's case rules cannot be written out for a text not known yet: Unicode's are the nearest PCRE2 has.
        let needsCase = flags.isSuperset(of: [.ascii, .ignoreCase])
        writer.write(needsCase ? "(?i:\\g{" : "\\g{")
        writer.write(number: number)
        writer.write(needsCase ? "})" : "}")
        return width
    }

    /// Python refuses references from a look-behind into itself.
    func checkLookbehind(refersTo number: Int, at offset: Int) throws(PatternError) {
        guard let lookbehindGroups else { return }
        if number <= groupCount, groupWidths[number] == nil {
            throw scanner.error("cannot refer to an open group; refer to it after its )", at: offset)
        }
        if number >= lookbehindGroups {
            throw scanner.error(
                "cannot refer to group defined in the same lookbehind subpattern; define it before", at: offset)
        }
    }

    private mutating func writeCategory(_ letter: UInt32) {
        var set = ScalarSet()
        set.insertCategory(letter, ascii: flags.contains(.ascii))
        writer.write(set: set, negated: false)
    }

    /// Reads an escape; its backslash was read.
    mutating func escape(inClass: Bool) throws(PatternError) -> Escape {
        let start = scanner.position - 1
        guard let letter = scanner.take() else {
            throw scanner.error("bad escape (end of pattern); write \\\\ for a backslash", at: start)
        }
        switch UnicodeScalar(letter) {
        case "d", "D", "s", "S", "w", "W": return .category(letter)
        case "b" where inClass: return .scalar(0x08)
        case "A", "Z", "b", "B":
            if inClass { throw badEscape(from: start) }
            return .position(letter)
        case "a": return .scalar(0x07)
        case "f": return .scalar(0x0C)
        case "n": return .scalar(0x0A)
        case "r": return .scalar(0x0D)
        case "t": return .scalar(0x09)
        case "v": return .scalar(0x0B)
        case "x": return .scalar(try hexadecimal(digits: 2, from: start))
        case "u": return .scalar(try hexadecimal(digits: 4, from: start))
        case "U":
            let scalar = try hexadecimal(digits: 8, from: start)
            if scalar > ScalarSet.last { throw badEscape(from: start) }
            return .scalar(scalar)
        case "N":
            throw PatternError(
                .unsupported, "\\N{...} is not supported; write the character itself or \\uXXXX",
                pattern: scanner.source, offset: start)
        case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9":
            return try numberEscape(letter, inClass: inClass, from: start)
        default:
            if PatternScanner.isASCIILetter(letter) { throw badEscape(from: start) }
            return .scalar(letter)
        }
    }

    private mutating func numberEscape(
        _ first: UInt32, inClass: Bool, from start: Int
    ) throws(PatternError) -> Escape {
        let isOctal = PatternScanner.isOctalDigit(first)
        if inClass || first == 0x30 {
            if !isOctal { throw badEscape(from: start) }
            _ = scanner.take(atMost: 2, while: PatternScanner.isOctalDigit)
            return .scalar(try octal(from: start))
        }
        if let second = scanner.next, PatternScanner.isDigit(second) {
            scanner.position += 1
            if isOctal, PatternScanner.isOctalDigit(second), let third = scanner.next,
                PatternScanner.isOctalDigit(third)
            {
                scanner.position += 1
                return .scalar(try octal(from: start))
            }
        }
        let number = PatternScanner.number(scanner.scalars[(start + 1)..<scanner.position]) ?? .max
        guard number <= groupCount else {
            throw scanner.error("invalid group reference \(number); there is no such group yet", at: start + 1)
        }
        return .group(number)
    }

    private func octal(from start: Int) throws(PatternError) -> UInt32 {
        let value = PatternScanner.number(scanner.scalars[(start + 1)..<scanner.position], radix: 8) ?? .max
        guard value <= 0o377 else {
            throw scanner.error("octal escape value outside of range 0-0o377; write \\uXXXX", at: start)
        }
        return UInt32(value)
    }

    private mutating func hexadecimal(digits: Int, from start: Int) throws(PatternError) -> UInt32 {
        let found = scanner.take(atMost: digits, while: PatternScanner.isHexDigit)
        guard found.count == digits, let value = PatternScanner.number(found, radix: 16) else {
            throw scanner.error(
                "incomplete escape \(scanner.text(start..<scanner.position)); it takes \(digits) digits", at: start)
        }
        return UInt32(value)
    }

    private func badEscape(from start: Int) -> PatternError {
        let end = min(scanner.position, scanner.scalars.count)
        return scanner.error(
            "bad escape \(scanner.text(start..<end)); write \\\\ before the letter for a backslash", at: start)
    }
}
