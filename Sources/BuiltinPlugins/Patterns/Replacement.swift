// SPDX-License-Identifier: Apache-2.0

/// What takes the place of a match: text and groups, written as Python's `re.sub` takes it.
///
/// `\1` to `\99`, `\g<1>`, `\g<name>` and `\g<0>` stand for what a group matched (nothing if it took no part);
/// `\n \t \r \a \b \f \v \\` and octal escapes for a character. Another letter after a backslash is an error,
/// anything else keeps its backslash.
package struct Replacement: Sendable {
    enum Part: Sendable {
        case text([UInt8])
        case group(Int)
    }

    let parts: [Part]

    /// - Parameter pattern: whose groups `source` may name.
    /// - Throws: `PatternError` with the code `.template`.
    package init(_ source: String, for pattern: Pattern) throws(PatternError) {
        var scanner = PatternScanner(source, errorsAre: .template)
        var builder = Builder()
        while let scalar = scanner.take() {
            guard scalar == 0x5C else {
                builder.append(scalar)
                continue
            }
            let start = scanner.position - 1
            guard let letter = scanner.take() else {
                throw scanner.error("bad escape (end of pattern); write \\\\ for a backslash", at: start)
            }
            switch UnicodeScalar(letter) {
            case "g":
                builder.append(group: try Self.namedGroup(&scanner, pattern))
            case "0":
                let digits = scanner.take(atMost: 2, while: PatternScanner.isOctalDigit)
                builder.append(UInt32(PatternScanner.number(digits, radix: 8) ?? 0))
            case "1", "2", "3", "4", "5", "6", "7", "8", "9":
                switch try Self.number(&scanner, from: start, pattern) {
                case .scalar(let scalar): builder.append(scalar)
                case .group(let number): builder.append(group: number)
                }
            case "a": builder.append(0x07)
            case "b": builder.append(0x08)
            case "f": builder.append(0x0C)
            case "n": builder.append(0x0A)
            case "r": builder.append(0x0D)
            case "t": builder.append(0x09)
            case "v": builder.append(0x0B)
            case "\\": builder.append(0x5C)
            default:
                if PatternScanner.isASCIILetter(letter) {
                    throw scanner.error(
                        "bad escape \(scanner.text(start..<scanner.position)); write \\\\ for a backslash", at: start)
                }
                builder.append(0x5C)
                builder.append(letter)
            }
        }
        parts = builder.finish()
    }

    private enum Number {
        case scalar(UInt32)
        case group(Int)
    }

    /// Three octal digits are a character, anything shorter is a group.
    private static func number(
        _ scanner: inout PatternScanner, from start: Int, _ pattern: Pattern
    ) throws(PatternError) -> Number {
        let first = scanner.scalars[start + 1]
        if let second = scanner.next, PatternScanner.isDigit(second) {
            scanner.position += 1
            if PatternScanner.isOctalDigit(first), PatternScanner.isOctalDigit(second), let third = scanner.next,
                PatternScanner.isOctalDigit(third)
            {
                scanner.position += 1
                let value = PatternScanner.number(scanner.scalars[(start + 1)..<scanner.position], radix: 8) ?? .max
                guard value <= 0o377 else {
                    throw scanner.error(
                        "octal escape value outside of range 0-0o377; write the character itself", at: start)
                }
                return .scalar(UInt32(value))
            }
        }
        let number = PatternScanner.number(scanner.scalars[(start + 1)..<scanner.position]) ?? .max
        return .group(try checked(number, at: start + 1, scanner, pattern))
    }

    private static func namedGroup(
        _ scanner: inout PatternScanner, _ pattern: Pattern
    ) throws(PatternError) -> Int {
        guard scanner.take("<") else {
            throw scanner.error("missing <; write \\g<1> or \\g<name>", at: scanner.position)
        }
        let offset = scanner.position
        let name = try scanner.takeName(until: ">")
        if PatternScanner.isIdentifier(name) {
            guard let number = pattern.groupNumbers[name] else {
                throw scanner.error("unknown group name '\(name)'; the pattern has no such group", at: offset)
            }
            return number
        }
        let digits = name.unicodeScalars.map(\.value)
        guard digits.allSatisfy(PatternScanner.isDigit) else {
            throw scanner.error("bad character in group name '\(name)'; write a number or a name", at: offset)
        }
        return try checked(PatternScanner.number(digits[...]) ?? .max, at: offset, scanner, pattern)
    }

    private static func checked(
        _ number: Int, at offset: Int, _ scanner: PatternScanner, _ pattern: Pattern
    ) throws(PatternError) -> Int {
        guard number <= pattern.groupCount else {
            throw scanner.error(
                "invalid group reference \(number); the pattern has \(pattern.groupCount) groups", at: offset)
        }
        return number
    }

    private struct Builder {
        private var parts: [Part] = []
        private var text: [UInt8] = []

        mutating func append(_ scalar: UInt32) {
            if let scalar = UnicodeScalar(scalar) { text.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
        }

        mutating func append(group: Int) {
            flush()
            parts.append(.group(group))
        }

        mutating func finish() -> [Part] {
            flush()
            return parts
        }

        private mutating func flush() {
            if !text.isEmpty { parts.append(.text(text)) }
            text = []
        }
    }
}
