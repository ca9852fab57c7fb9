// SPDX-License-Identifier: Apache-2.0

internal import Values

/// What unquoted text means: YAML 1.1 as PyYAML, and with it ContextForge, reads it.
///
/// Timestamps stay text, because no value of ours is a time. Numbers in base 60 (`1:30`) stay text as well: everywhere else they are
/// understood as times or addresses. A whole number beyond 64 bits becomes a double; infinities and NaN stay text.
enum PlainScalar {
    static func isNull(_ text: String) -> Bool {
        text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    static func value(of text: String) -> Value {
        if isNull(text) { return .null }
        if let bool = bool(text) { return .bool(bool) }
        guard let first = text.utf8.first, "0123456789+-.".utf8.contains(first) else { return .string(text) }
        return integer(text) ?? float(text) ?? .string(text)
    }

    static func bool(_ text: String) -> Bool? {
        switch text {
        case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": true
        case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// `12`, `-1_000`, `0x1F`, `0b101`, `0755` (octal), and YAML 1.2's `0o755`.
    private static func integer(_ text: String) -> Value? {
        var digits = Substring(text)
        var sign = ""
        if let first = digits.first, first == "-" || first == "+" {
            sign = first == "-" ? "-" : ""
            digits.removeFirst()
        }
        guard let first = digits.utf8.first, isDigit(first) else { return nil }
        var radix = 10
        if digits.hasPrefix("0x") {
            (radix, digits) = (16, digits.dropFirst(2))
        } else if digits.hasPrefix("0b") {
            (radix, digits) = (2, digits.dropFirst(2))
        } else if digits.hasPrefix("0o") {
            (radix, digits) = (8, digits.dropFirst(2))
        } else if digits.utf8.count > 1, first == UInt8(ascii: "0") {
            (radix, digits) = (8, digits.dropFirst())
        }
        let plain = digits.filter { $0 != "_" }
        guard !plain.isEmpty, plain.utf8.allSatisfy({ isDigit($0, radix: radix) }) else { return nil }
        if let value = Int64(sign + plain, radix: radix) { return .int(value) }
        return radix == 10 ? Double(sign + plain).flatMap { $0.isFinite ? .double($0) : nil } : nil
    }

    /// `1.5`, `.5`, `1.5e+3`, and YAML 1.2's `1e3`.
    private static func float(_ text: String) -> Value? {
        let plain = text.filter { $0 != "_" }
        let allowed = plain.utf8.allSatisfy { isDigit($0) || "+-.eE".utf8.contains($0) }
        guard allowed, plain.utf8.contains(where: { isDigit($0) }), let value = Double(plain), value.isFinite else {
            return nil
        }
        return .double(value)
    }

    private static func isDigit(_ byte: UInt8, radix: Int = 10) -> Bool {
        let digit: Int
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = Int(byte - UInt8(ascii: "A")) + 10
        default: return false
        }
        return digit < radix
    }
}
