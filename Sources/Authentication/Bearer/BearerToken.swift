// SPDX-License-Identifier: Apache-2.0

/// A bearer token as a request carried it.
package struct BearerToken: Sendable {
    /// The most bytes a token may have.
    ///
    /// 16 KiB: signed tokens with many claims take up to 8 KiB.
    package static let maximumSize = 16 << 10

    /// The token itself: a secret, never to be logged.
    package let text: String
    /// What it is recognised by.
    let fingerprint: TokenFingerprint

    /// Takes a text for a token.
    package init(_ text: String) {
        self.text = text
        fingerprint = TokenFingerprint(of: text)
    }

    /// Whether a text has the form of a token (`b64token` of RFC 6750, section 2.1).
    package static func isWellFormed(_ text: Substring.UTF8View) -> Bool {
        guard !text.isEmpty else { return false }
        var padding = false
        for byte in text {
            switch byte {
            case UInt8(ascii: "="): padding = true
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                if padding { return false }
            default: return false
            }
        }
        return text.first != UInt8(ascii: "=")
    }
}
