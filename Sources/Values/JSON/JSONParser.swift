// SPDX-License-Identifier: Apache-2.0

/// Reads JSON text (RFC 8259) from bytes, strictly: UTF-8 only, no duplicate keys, bounded nesting, finite numbers.
///
/// What was judged must be what goes on, so nothing that two readers could understand differently is accepted.
public struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0
    private let maximumNesting: Int

    private init(_ bytes: UnsafeBufferPointer<UInt8>, maximumNesting: Int) {
        self.bytes = bytes
        self.maximumNesting = maximumNesting
    }

    /// The value that these bytes are the text of.
    ///
    /// - Parameters:
    ///   - bytes: The whole text, with white space around it at most.
    ///   - maximumNesting: How many arrays and objects may lie inside one another.
    /// - Throws: ``ValueError`` with the offset of the fault.
    public static func decode(
        _ bytes: some Sequence<UInt8>,
        maximumNesting: Int = ValueLimits.maximumNesting
    ) throws(ValueError) -> Value {
        let result =
            bytes.withContiguousStorageIfAvailable { decode(buffer: $0, maximumNesting: maximumNesting) }
            ?? Array(bytes).withUnsafeBufferPointer { decode(buffer: $0, maximumNesting: maximumNesting) }
        return try result.get()
    }

    private static func decode(
        buffer: UnsafeBufferPointer<UInt8>,
        maximumNesting: Int
    ) -> Result<Value, ValueError> {
        var parser = JSONParser(buffer, maximumNesting: maximumNesting)
        do throws(ValueError) {
            let value = try parser.parseValue()
            parser.skipSpace()
            guard parser.position == buffer.count else {
                throw parser.fault(.syntax, "text goes on after the end of the value; send one JSON value")
            }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    private func fault(_ code: ValueError.Code, _ message: String) -> ValueError {
        ValueError(code, message, offset: position)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func parseValue() throws(ValueError) -> Value {
        skipSpace()
        guard position < bytes.count else { throw fault(.syntax, "the text ends where a value was expected") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        default: return try parseNumber()
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: Value) throws(ValueError) -> Value {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count,
            (0..<length).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] })
        else { throw fault(.syntax, "expected a JSON value (null, true, false, a number, string, array or object)") }
        position += length
        return value
    }

    private mutating func enter() throws(ValueError) {
        depth += 1
        guard depth <= maximumNesting else {
            throw fault(
                .nesting, "more than \(maximumNesting) arrays and objects inside one another; flatten the value")
        }
        position += 1
        skipSpace()
    }

    private mutating func parseArray() throws(ValueError) -> Value {
        try enter()
        var elements: [Value] = []
        if take(UInt8(ascii: "]")) {
            depth -= 1
            return .array(elements)
        }
        while true {
            elements.append(try parseValue())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw fault(.syntax, "expected ',' or ']' in an array") }
            depth -= 1
            return .array(elements)
        }
    }

    private mutating func parseObject() throws(ValueError) -> Value {
        try enter()
        var object = ValueObject()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw fault(.syntax, "expected a key in double quotes")
            }
            let keyOffset = position
            let key = try parseString()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault(.syntax, "expected ':' after a key") }
            let value = try parseValue()
            guard object.insert(value, forNewKey: key) else {
                throw ValueError(
                    .duplicateKey, "the key \"\(key)\" occurs twice in one object; send each key once",
                    offset: keyOffset)
            }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fault(.syntax, "expected ',' or '}' in an object") }
            depth -= 1
            return .object(object)
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    // MARK: Text

    /// The content of a string that was checked: the bytes between its quotes, with its escapes undone.
    static func unescaped(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> String {
        var parser = JSONParser(
            UnsafeBufferPointer(rebasing: bytes[(range.lowerBound - 1)...range.upperBound]), maximumNesting: 1)
        do throws(ValueError) {
            return try parser.parseString()
        } catch {
            preconditionFailure("checked JSON does not decode: \(error)")
        }
    }

    private mutating func parseString() throws(ValueError) -> String {
        position += 1
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try text(in: start..<position)
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try parseEscapedString(from: start) }
            guard byte >= 0x20 else { throw fault(.syntax, "a control character in a string must be escaped") }
            position += 1
        }
        throw fault(.syntax, "the text ends inside a string")
    }

    private func text(in range: Range<Int>) throws(ValueError) -> String {
        // Checked here: String(validating:) is generic code of the standard library that is not specialized, and several times slower.
        let content = UnsafeBufferPointer(rebasing: bytes[range])
        guard content.isUTF8 else {
            throw ValueError(.invalidText, "a string is not valid UTF-8", offset: range.lowerBound)
        }
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func parseEscapedString(from start: Int) throws(ValueError) -> String {
        var content = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw ValueError(.invalidText, "a string is not valid UTF-8", offset: start)
                }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try parseEscape(into: &content)
            case 0..<0x20:
                throw fault(.syntax, "a control character in a string must be escaped")
            default:
                content.append(byte)
                position += 1
            }
        }
        throw fault(.syntax, "the text ends inside a string")
    }

    private mutating func parseEscape(into content: inout [UInt8]) throws(ValueError) {
        guard position < bytes.count else { throw fault(.syntax, "the text ends inside a string") }
        let byte = bytes[position]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            content += String(Character(try parseUnicodeEscape())).utf8
            return
        default: throw fault(.syntax, "unknown escape in a string")
        }
        position += 1
    }

    private mutating func parseUnicodeEscape() throws(ValueError) -> Unicode.Scalar {
        let first = try parseHex4()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw fault(.invalidText, "half of a surrogate pair stands alone in a string")
        }
        let second = try parseHex4()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw fault(.invalidText, "half of a surrogate pair stands alone in a string") }
        return scalar
    }

    private mutating func parseHex4() throws(ValueError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw fault(.syntax, "the text ends inside a string") }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Self.hexDigit(bytes[position]) else {
                throw fault(.syntax, "a \\u escape takes four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    // MARK: Numbers

    private mutating func skipDigits() -> Int {
        let start = position
        while position < bytes.count, bytes[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        return position - start
    }

    /// Reads by the grammar of RFC 8259, section 6: whole numbers within 64 bits as integers, all others as doubles.
    private mutating func parseNumber() throws(ValueError) -> Value {
        let start = position
        let negative = take(UInt8(ascii: "-"))
        let digitsStart = position
        let digits = skipDigits()
        guard digits > 0 else {
            throw fault(.syntax, "expected a JSON value (null, true, false, a number, string, array or object)")
        }
        guard digits == 1 || bytes[digitsStart] != UInt8(ascii: "0") else {
            throw fault(.syntax, "a number must not begin with 0")
        }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard skipDigits() > 0 else { throw fault(.syntax, "a number needs digits after its point") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard skipDigits() > 0 else { throw fault(.syntax, "a number needs digits in its exponent") }
        }
        if isWhole, let value = wholeNumber(digitsStart..<position, negative: negative) {
            return .int(value)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw ValueError(.number, "the number is too large for a double; send it as a string", offset: start)
        }
        return .double(value)
    }

    private func wholeNumber(_ range: Range<Int>, negative: Bool) -> Int64? {
        // A minus zero is a double: as an integer its sign would be lost.
        if negative, range.count == 1, bytes[range.lowerBound] == UInt8(ascii: "0") { return nil }
        var value: Int64 = 0
        for position in range {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(bytes[position] - UInt8(ascii: "0"))
            let (sum, carry) =
                negative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}
