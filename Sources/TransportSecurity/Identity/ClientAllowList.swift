// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Sockets

/// `allowed_clients`: the clients that a listener serves, of those whose certificates are verified.
struct ClientAllowList: Sendable {
    private let patterns: [ClientPattern]

    /// - Returns: Nil when all verified clients are served.
    /// - Throws: When the patterns cannot work.
    init?(_ settings: ServerTLSSettings) throws(TLSSettingsError) {
        guard let texts = settings.allowedClients else { return nil }
        guard settings.clientAuthentication == .require else {
            throw TLSSettingsError(
                key: "allowed_clients",
                "needs clients that show a certificate, and client_auth is \(settings.clientAuthentication.rawValue); "
                    + "set client_auth to require")
        }
        guard !texts.isEmpty else {
            throw TLSSettingsError(
                key: "allowed_clients", "is empty, so that nobody could connect; give patterns, or remove it")
        }
        var patterns: [ClientPattern] = []
        for text in texts {
            guard let pattern = ClientPattern(text) else {
                throw TLSSettingsError(
                    key: "allowed_clients",
                    "has \"\(text)\", which names nobody; give an alternative name such as spiffe://example.org/gateway/*, "
                        + "cn:NAME, or subject:CN=NAME,O=…")
            }
            patterns.append(pattern)
        }
        self.patterns = patterns
    }

    /// Whether a client is served.
    func permits(_ identity: PeerIdentity) -> Bool { patterns.contains { $0.matches(identity) } }
}

/// One pattern: what a name of the client must look like.
///
/// `cn:` begins one for the common name, `subject:` one for the whole subject, all else is for the alternative names. `*` stands for
/// any text without what divides names of the kind: `.` in DNS names, `/` in URIs, `.` and `:` in addresses, `@` in those of mail,
/// nothing in subjects; `**` for any text.
struct ClientPattern: Sendable {
    private enum Subject: Sendable { case names, commonName, subject }

    private let subject: Subject
    private let pattern: [UInt8]

    /// - Returns: Nil for a pattern without text.
    init?(_ text: String) {
        var bytes = Array(text.utf8)
        if bytes.starts(with: "cn:".utf8) {
            subject = .commonName
            bytes.removeFirst(3)
        } else if bytes.starts(with: "subject:".utf8) {
            subject = .subject
            bytes.removeFirst(8)
        } else {
            subject = .names
        }
        guard bytes.contains(where: { $0 > 0x20 }) else { return nil }
        pattern = bytes
    }

    /// Whether one of the client's names is as the pattern wants.
    func matches(_ identity: PeerIdentity) -> Bool {
        switch subject {
        case .commonName: identity.commonName.map { Self.matches(pattern, Array($0.utf8)) } ?? false
        case .subject: Self.matches(pattern, Array(identity.subject.utf8))
        case .names:
            identity.dnsNames.contains { name in
                // DNS names have no case (RFC 4343).
                Self.matches(Self.lowercased(pattern), Self.lowercased(Array(name.utf8)), dividers: ".")
            }
                || identity.uris.contains { Self.matches(pattern, Array($0.utf8), dividers: "/") }
                || identity.ipAddresses.contains { Self.matches(pattern, Array($0.utf8), dividers: ".:") }
                || identity.emailAddresses.contains { Self.matches(pattern, Array($0.utf8), dividers: "@") }
        }
    }

    private static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    /// In time of at most the product of both lengths.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8], dividers: String = "") -> Bool {
        let dividers = Array(dividers.utf8)
        // For each length of text, whether the pattern so far matches it.
        var reached = [Bool](repeating: false, count: text.count + 1)
        reached[0] = true
        var position = 0
        while position < pattern.count {
            var next = [Bool](repeating: false, count: text.count + 1)
            if pattern[position] == UInt8(ascii: "*") {
                let crosses = position + 1 < pattern.count && pattern[position + 1] == UInt8(ascii: "*")
                next[0] = reached[0]
                for index in text.indices {
                    next[index + 1] = reached[index + 1] || next[index] && (crosses || !dividers.contains(text[index]))
                }
                position += crosses ? 2 : 1
            } else {
                for index in text.indices where text[index] == pattern[position] { next[index + 1] = reached[index] }
                position += 1
            }
            reached = next
        }
        return reached[text.count]
    }
}
