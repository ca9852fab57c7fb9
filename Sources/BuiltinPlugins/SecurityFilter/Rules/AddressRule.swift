// SPDX-License-Identifier: Apache-2.0

/// `ssrf`: URLs that make the tool's server call itself, its network or its cloud's metadata service.
///
/// Looked at is every `scheme://host` (and `//host` at the begin) in a text, and a text that is `host:port` or
/// `host/path` (see `URLScanner`). Blocked are
/// - schemes that read files or speak raw protocols: file, gopher, dict, ldap, ldaps, tftp, jar, netdoc, phar, php,
///   expect, smb; and an authority of more than 300 bytes;
/// - hosts that are an address which is not public, in any spelling (see `NetworkAddress`);
/// - names that always mean one: localhost and below, the clouds' metadata names, cluster names, and the public
///   wildcard names that resolve to any address (nip.io, sslip.io, xip.io, localtest.me, lvh.me).
///
/// A host is what stands after the last `@`; since parsers differ on `\`, both readings must be public. Names are not
/// resolved: a public name that points inwards is a matter for the server's egress rules.
struct AddressRule: SecurityRule {
    static let name = "ssrf"
    static let advice = "use a public address, or add the host to allowed_hosts"

    private let allowed: Set<String>
    private let checksSchemes: Bool

    private static let schemes: Set<String> = [
        "file", "gopher", "dict", "ldap", "ldaps", "tftp", "jar", "netdoc", "phar", "php", "expect", "smb",
    ]
    private static let names: Set<String> = [
        "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "broadcasthost", "metadata",
        "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
        "kubernetes", "kubernetes.default", "kubernetes.default.svc", "host.docker.internal",
        "gateway.docker.internal",
    ]
    private static let suffixes = [
        ".localhost", ".localdomain", ".internal", ".cluster.local", ".svc", ".nip.io", ".sslip.io", ".xip.io",
        ".localtest.me", ".lvh.me",
    ]

    /// - Parameter checksSchemes: false for the links of results, where `file:` names a resource of the MCP server.
    init(allowedHosts: [String], checksSchemes: Bool = true) throws(PatternError) {
        self.checksSchemes = checksSchemes
        allowed = Set(allowedHosts.map { $0.lowercased() })
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            for reading in [variant, Self.joined(variant)].compactMap({ $0 }) {
                for url in URLScanner.urls(in: reading) {
                    guard let authority = url.authority else { return "a URL whose host is too long to be one" }
                    if let finding = finding(scheme: url.scheme, authority: authority) { return finding }
                }
            }
            if let host = URLScanner.bareHost(SecurityText.trimmed(variant)), Self.isPlainlyHost(host),
                let finding = finding(scheme: nil, authority: host)
            {
                return finding
            }
        }
        return nil
    }

    /// The text without tabs and line ends, which URL parsers drop; nil when there are none.
    private static func joined(_ text: String) -> String? {
        func isDropped(_ byte: UInt8) -> Bool { byte == 0x09 || byte == 0x0A || byte == 0x0D }
        guard text.utf8.contains(where: isDropped) else { return nil }
        return String(decoding: text.utf8.filter { !isDropped($0) }, as: UTF8.self)
    }

    /// Whether a text without a scheme is a host, and neither a fraction nor a folder: `1/2`, `metadata/x.json`.
    private static func isPlainlyHost(_ text: String) -> Bool {
        let host = text.lowercased()
        if host.hasPrefix("[") || host.hasPrefix("0x") || host.hasPrefix("127.") || host == "localhost" { return true }
        return host.hasSuffix(".") || host.contains("@") || (NetworkAddress(host) == nil && host.contains("."))
            || host.utf8.count(where: { $0 == 0x2E }) == 3
    }

    private func finding(scheme: String?, authority: String) -> String? {
        let readings = Self.hosts(of: authority)
        if readings.contains(where: { !$0.isEmpty && !allowed.contains($0) && Self.isInward($0) }) {
            return "a URL that leads to a private address"
        }
        if checksSchemes, let scheme, Self.schemes.contains(scheme), !readings.contains(where: allowed.contains) {
            return "a URL with the scheme \(scheme)"
        }
        return nil
    }

    /// The hosts an authority can mean: to those parsers that take `\` for `/`, and to those that do not.
    static func hosts(of authority: String) -> [String] {
        var hosts: [String] = []
        for reading in [
            authority[...], authority.prefix { $0 != "\\" }, authority.drop { $0 != "\\" }.drop { $0 == "\\" },
        ] {
            var host = reading.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
            if host.hasPrefix("[") {
                host = host.dropFirst().prefix { $0 != "]" && $0 != "%" }
            } else {
                host = host.prefix { $0 != ":" }
            }
            while host.hasSuffix(".") || host.hasSuffix(",") || host.hasSuffix(")") { host.removeLast() }
            let name = host.lowercased()
            if !hosts.contains(name) { hosts.append(name) }
        }
        return hosts
    }

    static func isInward(_ host: String) -> Bool {
        if let address = NetworkAddress(host) { return !address.isPublic }
        return names.contains(host) || suffixes.contains { host.hasSuffix($0) }
            || ["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me"].contains(host)
    }
}
