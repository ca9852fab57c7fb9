// SPDX-License-Identifier: Apache-2.0

/// Reads a pattern or a replacement scalar by scalar, and knows where it is when something is wrong.
struct PatternScanner {
    let source: String
    let scalars: [UInt32]
    var position = 0
    private let code: PatternError.Code

    init(_ source: String, errorsAre code: PatternError.Code) {
        self.source = source
        self.code = code
        scalars = source.unicodeScalars.map(\.value)
    }

    var next: UInt32? { position < scalars.count ? scalars[position] : nil }

    /// The next scalar, for comparisons with ASCII.
    func isNext(_ scalar: UnicodeScalar) -> Bool { next == scalar.value }

    mutating func take() -> UInt32? {
        guard position < scalars.count else { return nil }
        defer { position += 1 }
        return scalars[position]
    }

    mutating func take(_ scalar: UnicodeScalar) -> Bool {
        guard isNext(scalar) else { return false }
        position += 1
        return true
    }

    /// Takes at most `limit` scalars for which `condition` holds.
    mutating func take(atMost limit: Int, while condition: (UInt32) -> Bool) -> ArraySlice<UInt32> {
        let start = position
        while position < scalars.count, position - start < limit, condition(scalars[position]) { position += 1 }
        return scalars[start..<position]
    }

    /// Takes what stands before `terminator`, and the terminator.
    mutating func takeName(until terminator: UnicodeScalar) throws(PatternError) -> String {
        let start = position
        while let scalar = take() {
            guard scalar == terminator.value else { continue }
            if position - 1 == start {
                throw error("missing group name; write one or leave the group unnamed", at: start)
            }
            return text(start..<(position - 1))
        }
        if position == start { throw error("missing group name; write one or leave the group unnamed", at: start) }
        throw error("missing \(terminator), unterminated name; close the name with it", at: start)
    }

    func text(_ range: Range<Int>) -> String {
        var text = String.UnicodeScalarView()
        for value in scalars[range] {
            if let scalar = UnicodeScalar(value) { text.append(scalar) }
        }
        return String(text)
    }

    func error(_ message: String, at offset: Int) -> PatternError {
        PatternError(code, message, pattern: source, offset: offset)
    }

    static func isDigit(_ scalar: UInt32) -> Bool { (0x30...0x39).contains(scalar) }
    static func isOctalDigit(_ scalar: UInt32) -> Bool { (0x30...0x37).contains(scalar) }
    static func isHexDigit(_ scalar: UInt32) -> Bool {
        isDigit(scalar) || (0x41...0x46).contains(scalar) || (0x61...0x66).contains(scalar)
    }
    static func isASCIILetter(_ scalar: UInt32) -> Bool {
        (0x41...0x5A).contains(scalar) || (0x61...0x7A).contains(scalar)
    }

    /// The number that `digits` spell; nil when it is beyond any use.
    static func number(_ digits: ArraySlice<UInt32>, radix: Int = 10) -> Int? {
        var value = 0
        for digit in digits {
            let worth = isDigit(digit) ? Int(digit) - 0x30 : Int(digit | 0x20) - 0x61 + 10
            value = value * radix + worth
            if value > 0xFFFF_FFFF { return nil }
        }
        return value
    }

    /// Whether `name` is an identifier as `str.isidentifier` has it (UAX 31 and the underscore).
    static func isIdentifier(_ name: String) -> Bool {
        let scalars = name.unicodeScalars
        guard let first = scalars.first, first == "_" || first.properties.isXIDStart else { return false }
        return scalars.dropFirst().allSatisfy(\.properties.isXIDContinue)
    }
}
