// SPDX-License-Identifier: Apache-2.0

/// Finds the URLs of a text as lenient parsers read them.
enum URLScanner {
    /// The begin of a URL.
    struct URL: Equatable {
        /// In lower case; nil where only `//` stands.
        var scheme: String?
        /// Up to the path; nil when it is longer than `longestAuthority`.
        var authority: String?
    }

    /// No host is longer (253 bytes, RFC 1035), and user names hardly ever.
    static let longestAuthority = 300

    /// All of `scheme:/host` with one slash or more, turned round or not; `http:host` without; `//host` at the begin.
    static func urls(in text: String) -> [URL] {
        var text = text
        return text.withUTF8 { bytes in
            let text = TextBytes(bytes)
            var urls: [URL] = []
            var start = 0
            while start < text.count, TextBytes.isSpace(text[start]) { start += 1 }
            if isSlash(text[start]), isSlash(text[start + 1]) {
                urls.append(URL(scheme: nil, authority: authority(at: start + 2, in: text)))
            }
            for colon in 0..<text.count where text.bytes[colon] == 0x3A {
                if let url = url(at: colon, in: text) { urls.append(url) }
            }
            return urls
        }
    }

    private static func url(at colon: Int, in text: TextBytes) -> URL? {
        let next = text[colon + 1]
        guard isSlash(next) || TextBytes.isLetter(next) || TextBytes.isDigit(next) || next == 0x5B else { return nil }
        let scheme = scheme(before: colon, in: text)
        guard !scheme.isEmpty else { return nil }
        if isSlash(next) { return URL(scheme: scheme, authority: authority(at: colon + 1, in: text)) }
        if ["http", "https", "ws", "wss", "ftp"].contains(where: scheme.hasSuffix) {
            return URL(scheme: scheme, authority: authority(at: colon + 1, in: text))
        }
        // `jar:http://...`: a URL of a URL.
        guard scheme == "jar" else { return nil }
        var end = colon + 1
        while end < colon + 12, text.isLetter(end) { end += 1 }
        return text[end] == 0x3A ? URL(scheme: scheme, authority: "") : nil
    }

    /// The scheme that ends at `colon`: of what stands there the part that can be one, so that nothing before it hides it.
    private static func scheme(before colon: Int, in text: TextBytes) -> String {
        var start = colon
        while start > 0, colon - start < 32, isScheme(text[start - 1]) { start -= 1 }
        while start < colon, !text.isLetter(start) || text[start - 1] == 0x2B { start += 1 }
        // What wraps a scheme, as in `git+file`, does not change what it reads.
        var last = start
        for position in start..<colon where text[position] == 0x2B { last = position + 1 }
        return String(decoding: (last..<colon).map { TextBytes.lowercased(text[$0]) }, as: UTF8.self)
    }

    private static func authority(at start: Int, in text: TextBytes) -> String? {
        var begin = start
        while begin < start + 64, isSlash(text[begin]) { begin += 1 }
        var end = begin
        while end < text.count, !isEnd(text[end]) {
            end += 1
            if end - begin > longestAuthority { return nil }
        }
        return String(decoding: text.bytes[begin..<end], as: UTF8.self)
    }

    private static func isSlash(_ byte: UInt8) -> Bool { byte == 0x2F || byte == 0x5C }

    private static func isScheme(_ byte: UInt8) -> Bool {
        TextBytes.isLetter(byte) || TextBytes.isDigit(byte) || byte == 0x2B || byte == 0x2D || byte == 0x2E
    }

    private static func isEnd(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2F, 0x3F, 0x23, 0x22, 0x27, 0x3C, 0x3E: true
        default: TextBytes.isSpace(byte)
        }
    }

    /// The host of a text that is an address without a scheme: `localhost:8080/admin`, `169.254.169.254/latest`.
    ///
    /// Only with a port or a path behind it: an address alone is data, and so is a network (`10.0.0.0/8`).
    static func bareHost(_ text: String) -> String? {
        let bytes = Array(text.utf8.prefix(longestAuthority + 1))
        guard !bytes.contains(where: TextBytes.isSpace) else { return nil }
        var end = bytes.firstIndex(where: isEndOfHost) ?? bytes.count
        if bytes.first == 0x5B { end = (bytes.firstIndex(of: 0x5D) ?? bytes.count - 1) + 1 }
        guard end > 0, end < bytes.count else { return nil }
        let rest = bytes[(end + 1)...]
        if bytes[end] == 0x3A {
            guard let digit = rest.first, TextBytes.isDigit(digit) else { return nil }
        } else if isSlash(bytes[end]) {
            let isNetwork = !rest.isEmpty && rest.count <= 3 && rest.allSatisfy(TextBytes.isDigit)
            if isNetwork { return nil }
        } else {
            return nil
        }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    private static func isEndOfHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2F, 0x5C, 0x3A, 0x3F, 0x23: true
        default: false
        }
    }
}
