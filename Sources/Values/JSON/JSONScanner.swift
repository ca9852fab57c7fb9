// SPDX-License-Identifier: Apache-2.0

/// Checks JSON text by the rules of ``JSONParser`` without building values.
///
/// It refuses what the parser refuses, at the same place and for the same reason; what it lets pass can be decoded later, in
/// parts, without failing.
struct JSONScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0
    private let maximumNesting: Int
    /// The keys of all objects that are open, those of the innermost last.
    private var keys: [JSONKeyBytes] = []
    /// Where the value lies, without the space around it.
    private(set) var valueRange = 0..<0

    init(_ bytes: UnsafeBufferPointer<UInt8>, maximumNesting: Int = ValueLimits.maximumNesting) {
        self.bytes = bytes
        self.maximumNesting = maximumNesting
    }

    /// Checks the whole text.
    mutating func scan() throws(ValueError) {
        keys.reserveCapacity(8)
        skipSpace()
        let start = position
        try scanValue()
        valueRange = start..<position
        skipSpace()
        guard position == bytes.count else {
            throw fault(.syntax, "text goes on after the end of the value; send one JSON value")
        }
    }

    private func fault(_ code: ValueError.Code, _ message: String) -> ValueError {
        ValueError(code, message, offset: position)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position &+= 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position &+= 1
        return true
    }

    // MARK: Structure

    private mutating func scanValue() throws(ValueError) {
        skipSpace()
        guard position < bytes.count else { throw fault(.syntax, "the text ends where a value was expected") }
        switch bytes[position] {
        case UInt8(ascii: "{"): try scanObject()
        case UInt8(ascii: "["): try scanArray()
        case UInt8(ascii: "\""): _ = try scanString()
        case UInt8(ascii: "t"): try scanWord("true")
        case UInt8(ascii: "f"): try scanWord("false")
        case UInt8(ascii: "n"): try scanWord("null")
        default: try scanNumber()
        }
    }

    private mutating func scanWord(_ word: StaticString) throws(ValueError) {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count,
            (0..<length).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] })
        else { throw fault(.syntax, "expected a JSON value (null, true, false, a number, string, array or object)") }
        position += length
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

    private mutating func scanArray() throws(ValueError) {
        try enter()
        defer { depth -= 1 }
        if take(UInt8(ascii: "]")) { return }
        while true {
            try scanValue()
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw fault(.syntax, "expected ',' or ']' in an array") }
            return
        }
    }

    private mutating func scanObject() throws(ValueError) {
        try enter()
        let firstKey = keys.count
        // From a few keys on, a set keeps the search for duplicates linear in the bytes.
        var index: Set<JSONKeyBytes>?
        defer {
            depth -= 1
            keys.removeLast(keys.count - firstKey)
        }
        if take(UInt8(ascii: "}")) { return }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw fault(.syntax, "expected a key in double quotes")
            }
            let keyOffset = position
            let (keyRange, hasEscapes) = try scanString()
            let key = JSONKeyBytes(bytes, keyRange, hasEscapes: hasEscapes)
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault(.syntax, "expected ':' after a key") }
            try scanValue()
            guard isNew(key, since: firstKey, &index) else {
                throw ValueError(
                    .duplicateKey, "the key \"\(key.text)\" occurs twice in one object; send each key once",
                    offset: keyOffset)
            }
            keys.append(key)
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fault(.syntax, "expected ',' or '}' in an object") }
            return
        }
    }

    private func isNew(_ key: JSONKeyBytes, since first: Int, _ index: inout Set<JSONKeyBytes>?) -> Bool {
        if index != nil { return index?.insert(key).inserted ?? true }
        for position in first..<keys.count where keys[position] == key { return false }
        if keys.count - first >= 16 {
            index = Set(keys[first...])
            index?.insert(key)
        }
        return true
    }

    // MARK: Text

    /// Passes over a string.
    ///
    /// - Returns: where its content lies, and whether some of it is escaped.
    private mutating func scanString() throws(ValueError) -> (content: Range<Int>, hasEscapes: Bool) {
        position += 1
        let start = position
        var hasEscapes = false
        var isValid = true
        while true {
            skipPlainText()
            guard position < bytes.count else { throw fault(.syntax, "the text ends inside a string") }
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                guard isValid else {
                    throw ValueError(.invalidText, "a string is not valid UTF-8", offset: start)
                }
                position += 1
                return (start..<position - 1, hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                position += 1
                try scanEscape()
            case 0..<0x20:
                throw fault(.syntax, "a control character in a string must be escaped")
            case 0x80...:
                let length = bytes.lengthOfScalar(at: position)
                if length == 0 { isValid = false }
                position += Swift.max(1, length)
            default:
                position += 1
            }
        }
    }

    /// Passes over characters that mean only themselves, eight at a time.
    private mutating func skipPlainText() {
        guard let base = bytes.baseAddress else { return }
        let raw = UnsafeRawPointer(base)
        while bytes.count &- position >= 8 {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            // The high bit of each byte that is a quote, a backslash, below 0x20, or not ASCII; more after the first one.
            let quote = (word ^ 0x2222_2222_2222_2222) &- 0x0101_0101_0101_0101
            let backslash = (word ^ 0x5C5C_5C5C_5C5C_5C5C) &- 0x0101_0101_0101_0101
            let control = word &- 0x2020_2020_2020_2020
            guard (quote | backslash | control | word) & 0x8080_8080_8080_8080 == 0 else { break }
            position &+= 8
        }
        while position < bytes.count {
            let byte = bytes[position]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
            position &+= 1
        }
    }

    private mutating func scanEscape() throws(ValueError) {
        guard position < bytes.count else { throw fault(.syntax, "the text ends inside a string") }
        switch bytes[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            position += 1
            try scanUnicodeEscape()
        default: throw fault(.syntax, "unknown escape in a string")
        }
    }

    private mutating func scanUnicodeEscape() throws(ValueError) {
        let first = try scanHex4()
        guard (0xD800...0xDFFF).contains(first) else { return }
        guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw fault(.invalidText, "half of a surrogate pair stands alone in a string")
        }
        let second = try scanHex4()
        guard (0xDC00...0xDFFF).contains(second) else {
            throw fault(.invalidText, "half of a surrogate pair stands alone in a string")
        }
    }

    private mutating func scanHex4() throws(ValueError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw fault(.syntax, "the text ends inside a string") }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = JSONParser.hexDigit(bytes[position]) else {
                throw fault(.syntax, "a \\u escape takes four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    // MARK: Numbers

    private mutating func skipDigits() -> Int {
        let start = position
        while position < bytes.count, bytes[position] &- UInt8(ascii: "0") < 10 { position &+= 1 }
        return position - start
    }

    private mutating func scanNumber() throws(ValueError) {
        let start = position
        _ = take(UInt8(ascii: "-"))
        let digitsStart = position
        let digits = skipDigits()
        guard digits > 0 else {
            throw fault(.syntax, "expected a JSON value (null, true, false, a number, string, array or object)")
        }
        guard digits == 1 || bytes[digitsStart] != UInt8(ascii: "0") else {
            throw fault(.syntax, "a number must not begin with 0")
        }
        var mayBeTooLarge = digits > 300
        if take(UInt8(ascii: ".")) {
            guard skipDigits() > 0 else { throw fault(.syntax, "a number needs digits after its point") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            mayBeTooLarge = true
            position += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard skipDigits() > 0 else { throw fault(.syntax, "a number needs digits in its exponent") }
        }
        guard mayBeTooLarge else { return }
        guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite else {
            throw ValueError(.number, "the number is too large for a double; send it as a string", offset: start)
        }
    }
}

/// Where one member of an object lies in the bytes.
struct JSONMemberRange {
    /// The key, without its quotes.
    var key: Range<Int>
    /// Whether some of the key is escaped.
    var keyHasEscapes: Bool
    /// The value.
    var value: Range<Int>
}
