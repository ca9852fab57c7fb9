// SPDX-License-Identifier: Apache-2.0

import NIOHPACK

/// Which received header blocks are well formed (RFC 9113, sections 8.2 and 8.3).
///
/// The same as swift-nio-http2 can check, in one pass over bytes, which takes a tenth off the cost of a small call.
enum HeaderRules {
    /// Whether a block may be a request's, or with `asTrailers` that which ends a request.
    static func allow(_ headers: HPACKHeaders, asTrailers: Bool) -> Bool {
        var seen: PseudoHeaders = []
        var isConnect = false
        var regularSeen = false
        for (name, value, _) in headers {
            guard isValidValue(value) else { return false }
            if name.utf8.first == UInt8(ascii: ":") {
                // Pseudo-headers come first, once each, and never in trailers.
                guard !asTrailers, !regularSeen, let pseudo = PseudoHeaders(name) else { return false }
                guard seen.insert(pseudo).inserted else { return false }
                if pseudo == .method { isConnect = value.isSame(as: "CONNECT") }
                if pseudo == .path, value.utf8.isEmpty { return false }
            } else {
                regularSeen = true
                guard isValidName(name), isAllowed(name, value) else { return false }
            }
        }
        if asTrailers { return true }
        return isConnect
            ? seen == [.method, .authority]
            : seen.isSuperset(of: [.method, .scheme, .path])
    }

    /// Whether a block may be a server's: an answer's, or with `asTrailers` that which ends it.
    static func allowAnswer(_ headers: HPACKHeaders, asTrailers: Bool) -> Bool {
        var statusSeen = false
        var regularSeen = false
        for (name, value, _) in headers {
            guard isValidValue(value) else { return false }
            if name.utf8.first == UInt8(ascii: ":") {
                guard !asTrailers, !regularSeen, !statusSeen, name.isSame(as: ":status") else { return false }
                guard value.utf8.count == 3, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
                statusSeen = true
            } else {
                regularSeen = true
                guard isValidName(name), isAllowed(name, value) else { return false }
            }
        }
        return asTrailers || statusSeen
    }

    private struct PseudoHeaders: OptionSet {
        let rawValue: UInt8

        static let method = PseudoHeaders(rawValue: 1)
        static let scheme = PseudoHeaders(rawValue: 2)
        static let path = PseudoHeaders(rawValue: 4)
        static let authority = PseudoHeaders(rawValue: 8)

        init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        init?(_ name: String) {
            if name.isSame(as: ":path") {
                self = .path
            } else if name.isSame(as: ":method") {
                self = .method
            } else if name.isSame(as: ":scheme") {
                self = .scheme
            } else if name.isSame(as: ":authority") {
                self = .authority
            } else {
                return nil
            }
        }
    }

    /// Headers about the connection mean nothing in HTTP/2, and `te` may only say "trailers" (section 8.2.2).
    private static func isAllowed(_ name: String, _ value: String) -> Bool {
        switch name.utf8.count {
        case 2: return !name.isSame(as: "te") || value.isSame(as: "trailers")
        case 7: return !name.isSame(as: "upgrade")
        case 10: return !name.isSame(as: "connection") && !name.isSame(as: "keep-alive")
        case 16: return !name.isSame(as: "proxy-connection")
        case 17: return !name.isSame(as: "transfer-encoding")
        default: return true
        }
    }

    /// Lower-case tokens (section 8.2.1, RFC 9110 section 5.6.2).
    private static func isValidName(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            guard !bytes.isEmpty else { return false }
            for byte in bytes where !isTokenByte(byte) { return false }
            return true
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        return (byte < 64 ? lowTokens : highTokens) >> UInt64(byte & 63) & 1 == 1
    }

    /// As bit sets, the bytes `!#$%&'*+-.0-9` of the first 64, and ``^_`a-z|~`` of the second.
    private static let lowTokens: UInt64 = 0x03FF_6CFA_0000_0000
    private static let highTokens: UInt64 = 0x57FF_FFFF_C000_0000

    /// No control characters but the tab, and no white space at the ends (section 8.2.1).
    private static func isValidValue(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in
            guard let first = bytes.first, let last = bytes.last else { return true }
            guard first != 0x20, first != 0x09, last != 0x20, last != 0x09 else { return false }
            for byte in bytes where (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
            return true
        }
    }
}
