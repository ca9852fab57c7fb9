// SPDX-License-Identifier: Apache-2.0

import Values

/// How the names of one upstream are written towards clients: which is a matter of the name and the configuration alone, so that
/// what one upstream offers never changes what another's tools are called.
///
/// A name is its upstream's prefix, `-`, and the name itself, if that has at most 64 bytes of `[A-Za-z0-9_-]` (what clients of
/// language models take) and cannot be read as another's. Otherwise it is made of what is left when other characters become `_`,
/// and ten digits that tell it from every other.
struct NameLabel: Sendable {
    /// The most bytes of a name.
    static let longestName = 64
    /// Between a prefix and a name, and before the digits.
    static let separator = UInt8(ascii: "-")
    private static let digits = 10

    /// The prefix, without the separator.
    let prefix: String
    /// What longer prefixes begin with, so that a name of ours could be taken for one of theirs.
    private let ambiguous: [[UInt8]]

    /// - Parameters:
    ///   - prefix: The upstream's prefix; not empty.
    ///   - others: The prefixes of all upstreams.
    init(prefix: String, among others: [String]) {
        self.prefix = prefix
        let start = Array(prefix.utf8) + [Self.separator]
        ambiguous = others.map { Array($0.utf8) + [Self.separator] }
            .filter { $0.count > start.count && $0.starts(with: start) }
    }

    /// The name towards clients.
    func exposed(_ original: String) -> String {
        let plain = Array(prefix.utf8) + [Self.separator] + Array(original.utf8)
        guard needsDigits(plain, nameIsEmpty: original.isEmpty) else { return "\(prefix)-\(original)" }
        let safe = plain.map { Self.isPlain($0) ? $0 : UInt8(ascii: "_") }
        let kept = safe.prefix(Self.longestName - Self.digits - 1)
        return String(decoding: kept + [Self.separator] + Self.fingerprint(plain), as: UTF8.self)
    }

    private func needsDigits(_ name: [UInt8], nameIsEmpty: Bool) -> Bool {
        nameIsEmpty || name.count > Self.longestName || !name.allSatisfy(Self.isPlain) || Self.hasDigits(name)
            || ambiguous.contains { name.starts(with: $0) }
    }

    /// Whether a name ends as those do that were made here: it could be the name that another one gets.
    private static func hasDigits(_ name: [UInt8]) -> Bool {
        guard name.count > digits, name[name.count - digits - 1] == separator else { return false }
        return name.suffix(digits).allSatisfy { alphabet.contains($0) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == separator
            || byte == UInt8(ascii: "_")
    }

    private static let alphabet = Array("0123456789abcdef".utf8)

    /// Ten hexadecimal digits of FNV-1a (64 bits): the same on every machine and in every version.
    private static func fingerprint(_ bytes: [UInt8]) -> [UInt8] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash ^= hash >> 32
        return (0..<digits).map { alphabet[Int((hash >> (4 * UInt64($0))) & 15)] }
    }
}
