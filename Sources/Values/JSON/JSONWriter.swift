// SPDX-License-Identifier: Apache-2.0

/// Writes values as JSON text (RFC 8259) into bytes.
public struct JSONWriter {
    /// What becomes of infinities and NaN, which JSON cannot say.
    public enum NonFinite: Sendable {
        /// They are written as `null`.
        case null
        /// They are reported by ``JSONWriter/encode(_:)`` as an error.
        case reject
    }

    /// What was written so far: UTF-8 text.
    public private(set) var bytes: [UInt8] = []
    private let nonFinite: NonFinite
    private var sawNonFinite = false

    /// Whether an infinity or NaN was written, as `null`.
    package var hasNonFinite: Bool { sawNonFinite }

    /// Makes a writer without content.
    public init(nonFinite: NonFinite = .null) {
        self.nonFinite = nonFinite
    }

    /// The compact JSON text of a value.
    ///
    /// - Throws: ``ValueError`` with code `number` when the value holds an infinity or NaN.
    public static func encode(_ value: Value) throws(ValueError) -> [UInt8] {
        var writer = JSONWriter(nonFinite: .reject)
        writer.write(value)
        guard !writer.sawNonFinite else {
            throw ValueError(.number, "infinities and NaN cannot be written as JSON; use null or a string instead")
        }
        return writer.bytes
    }

    /// Makes room for this many bytes more.
    package mutating func reserveCapacity(_ count: Int) {
        bytes.reserveCapacity(bytes.count + count)
    }

    /// Appends text that is JSON already.
    package mutating func raw(_ text: StaticString) {
        bytes += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// Appends bytes that are JSON already.
    package mutating func raw(_ text: UnsafeBufferPointer<UInt8>) {
        bytes += text
    }

    /// Appends a document: in the JSON text it came in, if it came in that and nobody has changed it.
    package mutating func write(_ document: Document) {
        if let json = document.encoded as? EncodedJSON {
            json.withBytes { bytes += $0 }
        } else {
            write(document.value)
        }
    }

    /// Appends a value.
    public mutating func write(_ value: Value) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .int(let value): write(value)
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                write(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object): write(object)
        }
    }

    /// Appends an object, with further members behind its own.
    mutating func write(_ object: ValueObject, adding members: [(key: String, value: Document)] = []) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in object {
            writeKey(member.key, &isFirst)
            write(member.value)
        }
        writeMembers(members, isFirst: isFirst)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Appends members of an object that has been begun, the first of them with a comma before it unless it is the object's first.
    mutating func writeMembers(_ members: [(key: String, value: Document)], isFirst: Bool) {
        var isFirst = isFirst
        for member in members {
            writeKey(member.key, &isFirst)
            write(member.value)
        }
    }

    /// Begins a member of an object, behind a comma unless it is the first.
    mutating func writeKey(_ key: String, _ isFirst: inout Bool) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        write(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func write(_ value: Int64) {
        if value >= 0, value < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(value))
        } else {
            writeDigits(value)
        }
    }

    /// The digits of a whole number, without a string of them.
    private mutating func writeDigits(_ value: Int64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = digits.count
            var rest = value.magnitude
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                start -= 1
                digits.initializeElement(at: start, to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
                rest = quotient
            } while rest > 0
            if value < 0 {
                start -= 1
                digits.initializeElement(at: start, to: UInt8(ascii: "-"))
            }
            bytes += UnsafeBufferPointer(rebasing: digits[start...])
        }
    }

    private mutating func write(_ value: Double) {
        guard value.isFinite else {
            sawNonFinite = true
            bytes += "null".utf8
            return
        }
        // Swift writes the shortest text that reads back as the same double, and it is valid JSON ("1e+20", "0.1", "-0.0").
        bytes += value.description.utf8
    }

    /// Appends a string with its quotes.
    public mutating func write(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            var start = 0
            for position in 0..<utf8.count where Self.needsEscape(utf8[position]) {
                bytes += utf8[start..<position]
                writeEscape(utf8[position])
                start = position + 1
            }
            bytes += utf8[start...]
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func writeEscape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes += #"\""#.utf8
        case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
        case 0x08: bytes += #"\b"#.utf8
        case 0x0C: bytes += #"\f"#.utf8
        case 0x0A: bytes += #"\n"#.utf8
        case 0x0D: bytes += #"\r"#.utf8
        case 0x09: bytes += #"\t"#.utf8
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes += #"\u00"#.utf8
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}
