// SPDX-License-Identifier: Apache-2.0

extension PatternTranslator {
    /// How often an item repeats; no upper bound when `high` is nil.
    struct Repetition {
        var low: Int
        var high: Int?
    }

    /// Reads the rest of a quantifier of which `first` was read; nil when it is a brace that stands for itself.
    mutating func quantifier(_ first: UInt32, after item: Item) throws(PatternError) -> Repetition? {
        let start = scanner.position
        let range: Repetition
        switch UnicodeScalar(first) {
        case "?": range = Repetition(low: 0, high: 1)
        case "*": range = Repetition(low: 0, high: nil)
        case "+": range = Repetition(low: 1, high: nil)
        default:
            guard let braces = try bracedQuantifier(from: start) else { return nil }
            range = braces
        }
        switch item {
        case .nothing, .position:
            throw scanner.error(
                "nothing to repeat; write \\ before the quantifier if it stands for itself", at: start - 1)
        case .repeated:
            throw scanner.error("multiple repeat; put the repeated part into (?:...)", at: start - 1)
        case .other:
            return range
        }
    }

    private mutating func bracedQuantifier(from start: Int) throws(PatternError) -> Repetition? {
        if scanner.isNext("}") { return nil }
        let low = scanner.take(atMost: .max, while: PatternScanner.isDigit)
        let hasComma = scanner.take(",")
        let high = hasComma ? scanner.take(atMost: .max, while: PatternScanner.isDigit) : low
        guard scanner.take("}") else {
            scanner.position = start
            return nil
        }
        let lowest = low.isEmpty ? 0 : PatternScanner.number(low)
        let highest = high.isEmpty ? nil : (PatternScanner.number(high) ?? .max)
        guard let lowest, lowest <= Self.repeatLimit, highest ?? 0 <= Self.repeatLimit else {
            throw PatternError(
                .unsupported, "a count above \(Self.repeatLimit); write a smaller one or leave it open",
                pattern: scanner.source, offset: start - 1)
        }
        if let highest, highest < lowest {
            throw scanner.error("min repeat greater than max repeat; swap them", at: start - 1)
        }
        return Repetition(low: lowest, high: highest)
    }

    /// Writes a quantifier for what was written from `itemStart` on, and takes a `?` or `+` after it.
    mutating func writeQuantifier(_ range: Repetition, from itemStart: Int) {
        // Assertions and conditions take quantifiers in PCRE2 too, but with rules of its own.
        if writer.bytes[itemStart...].starts(with: "(?".utf8), writer.bytes[itemStart + 2] != UInt8(ascii: ":") {
            writer.insert("(?:", at: itemStart)
            writer.write(")")
        }
        switch (range.low, range.high) {
        case (0, 1): writer.write("?")
        case (0, nil): writer.write("*")
        case (1, nil): writer.write("+")
        default:
            writer.write("{")
            writer.write(number: range.low)
            writer.write(",")
            if let high = range.high { writer.write(number: high) }
            writer.write("}")
        }
        if scanner.take("?") {
            writer.write("?")
        } else if scanner.take("+") {
            writer.write("+")
        }
    }
}
