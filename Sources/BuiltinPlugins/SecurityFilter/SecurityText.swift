// SPDX-License-Identifier: Apache-2.0

/// A text as the programs behind a tool may read it: as it came, and with its disguises taken off.
struct SecurityText {
    /// The text itself, then what folding (other spellings of ASCII, invisible characters) and up to two rounds of
    /// percent-decoding make of it, where they make something else.
    let variants: [String]

    /// How often a text is percent-decoded: one round for the tool, one for what stands behind it.
    private static let decodingRounds = 2

    init(_ text: String) {
        var variants = [text]
        if text.utf8.contains(where: { $0 >= 0x80 }), let folded = FoldedText(text) {
            variants.append(String(decoding: folded.bytes, as: UTF8.self))
        }
        var current = variants[variants.count - 1]
        for _ in 0..<Self.decodingRounds {
            guard let decoded = Self.percentDecoded(current) else { break }
            // Decoding can bring out what folding then takes off.
            current = FoldedText(decoded).map { String(decoding: $0.bytes, as: UTF8.self) } ?? decoded
            variants.append(current)
        }
        self.variants = variants
    }

    /// Whether the text is one word: a path, an address, an identifier, not prose or code.
    static func isOneWord(_ text: String) -> Bool {
        !text.utf8.contains(where: TextBytes.isSpace)
    }

    /// Whether the text is one line of a path's length.
    static func isShortLine(_ text: String) -> Bool {
        text.utf8.count <= 4096 && !text.utf8.contains(0x0A)
    }

    /// The text without white space around it.
    static func trimmed(_ text: String) -> String {
        let bytes = text.utf8
        guard let first = bytes.firstIndex(where: { !TextBytes.isSpace($0) }),
            let last = bytes.lastIndex(where: { !TextBytes.isSpace($0) })
        else { return "" }
        return String(text[first...last])
    }

    /// The text with `%2e` and the like decoded, overlong forms (`%c0%ae`) too; nil when there are none.
    static func percentDecoded(_ text: String) -> String? {
        guard text.utf8.contains(0x25) else { return nil }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var position = 0
        var isDecoded = false
        while position < bytes.count {
            guard let byte = encodedByte(bytes, position) else {
                output.append(bytes[position])
                position += 1
                continue
            }
            isDecoded = true
            if byte == 0xC0 || byte == 0xC1, let second = encodedByte(bytes, position + 3), second & 0xC0 == 0x80 {
                output.append((byte & 1) << 6 | (second & 0x3F))
                position += 6
            } else {
                output.append(byte)
                position += 3
            }
        }
        return isDecoded ? String(decoding: output, as: UTF8.self) : nil
    }

    private static func encodedByte(_ bytes: [UInt8], _ position: Int) -> UInt8? {
        guard position + 2 < bytes.count, bytes[position] == 0x25, let high = hexValue(bytes[position + 1]),
            let low = hexValue(bytes[position + 2])
        else { return nil }
        return high << 4 | low
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        guard TextBytes.isHexDigit(byte) else { return nil }
        return TextBytes.isDigit(byte) ? byte & 0x0F : (byte | 0x20) - 0x61 + 10
    }
}
