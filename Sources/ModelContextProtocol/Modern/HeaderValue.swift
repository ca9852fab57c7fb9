// SPDX-License-Identifier: Apache-2.0

internal import Values

/// Texts of a request's body as headers repeat them (MCP 2026-07-28, Transports): as they are where HTTP keeps them, else as
/// `=?base64?...?=`.
enum HeaderValue {
    private static let prefix = "=?base64?"
    private static let suffix = "?="

    /// The header's value for a text.
    static func encode(_ text: String) -> String {
        guard needsCoding(text) else { return text }
        return prefix + Base64.standard.encode(text.utf8) + suffix
    }

    /// The text that a header's value stands for; nil when it claims to be coded and is not.
    static func decode(_ value: String) -> String? {
        let trimmed = trim(value)
        guard isCoded(trimmed) else { return String(trimmed) }
        let payload = trimmed.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
        return Base64.standard.decode(payload).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Whether a header's value stands for a text.
    static func matches(_ value: String?, _ text: String) -> Bool {
        guard let value, let decoded = decode(value) else { return false }
        return decoded.hasSameBytes(as: text)
    }

    /// The value without the spaces and tabs that HTTP allows around it.
    static func trim(_ value: String) -> Substring {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        var bytes = value.utf8[...]
        while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return Substring(bytes)
    }

    private static func isCoded(_ value: Substring) -> Bool {
        value.utf8.count >= prefix.utf8.count + suffix.utf8.count && value.utf8.starts(with: prefix.utf8)
            && value.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    private static func needsCoding(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return true }
        return text.utf8.first == 0x20 || text.utf8.last == 0x20 || isCoded(text[...])
    }
}
