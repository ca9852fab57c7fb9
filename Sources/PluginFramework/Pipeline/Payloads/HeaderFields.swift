// SPDX-License-Identifier: Apache-2.0

import Values

/// HTTP headers that plugins give: what may go into a message, and how several lots become one.
enum HeaderFields {
    /// Sets headers in others; names are the same whatever their case, and the last one wins.
    ///
    /// - Returns: The names of those that were not taken, because HTTP does not allow them.
    static func merge(_ new: ValueObject, into headers: inout ValueObject) -> [String] {
        var refused: [String] = []
        for member in new {
            guard let text = member.value.stringValue, isValid(name: member.key, value: text) else {
                refused.append(member.key)
                continue
            }
            if let known = headers.first(where: { isSame($0.key, member.key) }), !known.key.hasSameBytes(as: member.key)
            {
                headers[known.key] = nil
            }
            headers[member.key] = member.value
        }
        return refused
    }

    /// Whether a header may go into a message: a token (RFC 9110, section 5.6.2) and no control characters but tabs
    /// (section 5.5).
    static func isValid(name: String, value: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy(isTokenByte)
            && value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            punctuation.contains(byte)
        }
    }

    private static let punctuation = Array("!#$%&'*+-.^_`|~".utf8)

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8) { lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }
}
