// SPDX-License-Identifier: Apache-2.0

/// IP addresses.
enum AddressScanner {
    /// A dotted quad that is not part of a longer dotted number such as `1.2.3.4.5`.
    static func ipv4(at start: Int, in text: TextBytes) -> Range<Int>? {
        if text[start - 1] == 0x2E, text.isDigit(start - 2) { return nil }
        guard let end = quadEnd(at: start, in: text), !text.isWord(end) else { return nil }
        if text[end] == 0x2E, text.isDigit(end + 1) { return nil }
        return start..<end
    }

    /// Four numbers up to 255 with dots between them.
    private static func quadEnd(at start: Int, in text: TextBytes) -> Int? {
        var position = start
        for part in 0..<4 {
            if part > 0 {
                guard text[position] == 0x2E else { return nil }
                position += 1
            }
            let length = text.digitCount(at: position, limit: 4)
            guard (1...3).contains(length), NumberScanner.number(text, position, length) <= 255 else { return nil }
            position += length
        }
        return position
    }

    /// An IPv6 address of which a colon is at `colon`, and where to go on looking.
    static func ipv6(around colon: Int, in text: TextBytes) -> (Range<Int>?, next: Int) {
        var start = colon
        while start > colon - 4, TextBytes.isHexDigit(text[start - 1]) { start -= 1 }
        var end = colon
        while end - start <= 64, isPart(text[end]) { end += 1 }
        // A dot or colon that ends a sentence is not part of the address.
        while end > start, text[end - 1] == 0x2E || (text[end - 1] == 0x3A && text[end - 2] != 0x3A) { end -= 1 }
        let next = max(end, colon + 1)
        guard !text.isWord(start - 1), text[start - 1] != 0x3A, !text.isWord(end), isIPv6(text, start, end) else {
            return (nil, next)
        }
        return (start..<end, next)
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        TextBytes.isHexDigit(byte) || byte == 0x3A || byte == 0x2E
    }

    /// RFC 4291: eight groups, or fewer with one `::`, the last two perhaps as a dotted quad. A short form needs a
    /// digit, so that `dead::beef` of a programming language stays what it is.
    private static func isIPv6(_ text: TextBytes, _ start: Int, _ end: Int) -> Bool {
        var groups = 0
        var isShortened = false
        var hasDigit = false
        var position = start
        while position < end {
            if text[position] == 0x3A {
                if text[position + 1] == 0x3A {
                    if isShortened { return false }
                    isShortened = true
                    position += 2
                    continue
                }
                if position == start { return false }
                position += 1
            }
            var length = 0
            while position + length < end, TextBytes.isHexDigit(text[position + length]) {
                hasDigit = hasDigit || text.isDigit(position + length)
                length += 1
            }
            if text[position + length] == 0x2E, position + length < end {
                guard quadEnd(at: position, in: text) == end else { return false }
                groups += 2
                hasDigit = true
                position = end
                break
            }
            guard (1...4).contains(length) else { return false }
            groups += 1
            position += length
        }
        return isShortened ? groups >= 1 && groups <= 7 && hasDigit : groups == 8
    }
}

/// Email addresses.
enum EmailScanner {
    /// The address whose `@` is at `at`: up to 64 bytes before it and 255 after it (RFC 5321, 4.5.3.1), letters of any
    /// script included.
    static func email(around at: Int, in text: TextBytes) -> Range<Int>? {
        var start = at
        while start > 0, at - start < 64, isLocal(text[start - 1]) { start -= 1 }
        while start < at, text[start] == 0x2E || text[start] == 0x2D { start += 1 }
        guard start < at, text[at - 1] != 0x2E else { return nil }

        var position = at + 1
        var labelStart = position
        var lastEnd: Int?
        while position - at <= 255 {
            let byte = text[position]
            if isDomain(byte) {
                position += 1
                continue
            }
            guard position > labelStart else { break }
            if labelStart > at + 1, isTopLevel(text, labelStart, position) { lastEnd = position }
            guard byte == 0x2E else { break }
            position += 1
            labelStart = position
        }
        return lastEnd.map { start..<$0 }
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x25, 0x27, 0x2B, 0x2D, 0x2E, 0x5F, 0x80...: true
        default: TextBytes.isLetter(byte) || TextBytes.isDigit(byte)
        }
    }

    private static func isDomain(_ byte: UInt8) -> Bool {
        TextBytes.isLetter(byte) || TextBytes.isDigit(byte) || byte == 0x2D || byte >= 0x80
    }

    /// Two letters at least; a name in another script may be in its encoded form `xn--...`.
    private static func isTopLevel(_ text: TextBytes, _ start: Int, _ end: Int) -> Bool {
        guard end - start >= 2, text.isLetter(start) || text[start] >= 0x80 else { return false }
        return (start..<end).allSatisfy { text.isLetter($0) || text[$0] >= 0x80 } || text[start + 2] == 0x2D
    }
}
