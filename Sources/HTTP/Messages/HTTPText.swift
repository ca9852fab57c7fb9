// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOHTTP1

extension String {
    /// Whether the UTF-8 bytes are those of `text`; String's own equality is canonical equivalence.
    @inline(__always)
    func isSame(as text: StaticString) -> Bool {
        guard utf8.count == text.utf8CodeUnitCount else { return false }
        var copy = self
        return copy.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return true }
            return memcmp(start, text.utf8Start, bytes.count) == 0
        }
    }

    /// Whether the UTF-8 bytes are those of `text`, A to Z being the same as a to z.
    @inline(__always)
    func isSameIgnoringCase(as text: StaticString) -> Bool {
        guard utf8.count == text.utf8CodeUnitCount else { return false }
        var copy = self
        return copy.withUTF8 { bytes in
            for index in bytes.indices where !bytes[index].isSameIgnoringCase(as: text.utf8Start[index]) {
                return false
            }
            return true
        }
    }

    /// Whether the UTF-8 bytes begin with those of `prefix`, A to Z being the same as a to z.
    func hasPrefixIgnoringCase(_ prefix: String) -> Bool {
        var rest = utf8.makeIterator()
        for byte in prefix.utf8 {
            guard let mine = rest.next(), mine.isSameIgnoringCase(as: byte) else { return false }
        }
        return true
    }

    /// The text as a number of digits only, such as `content-length`; nil when it is none, or too large.
    var decimalNumber: Int? {
        guard !utf8.isEmpty else { return nil }
        var number = 0
        for byte in utf8 {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { return nil }
            number = sum
        }
        return number
    }
}

extension String {
    /// Whether a header's name may be so: one character or more, all of them `tchar`.
    var isFieldName: Bool {
        var copy = self
        return copy.withUTF8 { bytes in !bytes.isEmpty && bytes.allSatisfy(\.isTokenCharacter) }
    }

    /// Whether a header's value may be so.
    var isFieldValue: Bool {
        var copy = self
        return copy.withUTF8 { bytes in bytes.allSatisfy(\.isFieldCharacter) }
    }
}

extension UInt8 {
    /// Whether the two are the same character of ASCII, A to Z being the same as a to z.
    @inline(__always)
    func isSameIgnoringCase(as other: UInt8) -> Bool {
        if self == other { return true }
        guard self ^ other == 0x20 else { return false }
        let lower = self | 0x20
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }

    /// Whether a header's name may have it: a `tchar` (RFC 9110, section 5.6.2), that is a letter, a digit or one of
    /// ``!#$%&'*+-.^_`|~``.
    @inline(__always)
    var isTokenCharacter: Bool {
        // One bit for each character of ASCII.
        let set: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : self < 128 ? 0x57FF_FFFF_C7FF_FFFE : 0
        return set >> UInt64(self & 63) & 1 == 1
    }

    /// Whether a host, its port or its brackets may have it (RFC 9110, section 7.2).
    var isHostCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"):
            true
        default:
            false
        }
    }

    /// Whether a header's value may have it (RFC 9110, section 5.5).
    @inline(__always)
    var isFieldCharacter: Bool { self >= 0x20 && self != 0x7F || self == 0x09 }
}

extension HTTPHeaders {
    /// The value of the first field of this name, whatever its case; nothing is allocated.
    ///
    /// NIO looks itself: going through the fields from outside copies each of them.
    package func value(_ name: String) -> String? { first(name: name) }

    /// Calls the closure with the value of each field of this name, whatever its case.
    package func forEachValue(_ name: String, _ body: (String) -> Void) {
        for value in self[name] { body(value) }
    }

    /// How many fields there are of this name, whatever its case.
    package func count(of name: String) -> Int { self[name].count }

    /// Whether some field of this name has the token in its comma-separated list, in any case.
    package func has(_ token: StaticString, in name: StaticString) -> Bool {
        for field in self where field.name.isSameIgnoringCase(as: name) {
            for part in field.value.utf8.split(separator: UInt8(ascii: ",")) {
                let trimmed = part.drop { $0 == 0x20 || $0 == 0x09 }
                guard trimmed.count >= token.utf8CodeUnitCount else { continue }
                let rest = trimmed.dropFirst(token.utf8CodeUnitCount)
                guard rest.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
                let matches = zip(trimmed, UnsafeBufferPointer(start: token.utf8Start, count: token.utf8CodeUnitCount))
                    .allSatisfy { $0.isSameIgnoringCase(as: $1) }
                if matches { return true }
            }
        }
        return false
    }
}
