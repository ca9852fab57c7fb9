// SPDX-License-Identifier: Apache-2.0

/// `ssrf`: URLs that make the tool's server call itself, its network or its cloud's metadata service.
///
/// Looked at is every `scheme://host` (and `//host` at the begin) in a text. Blocked are
/// - schemes that read files or speak raw protocols: file, gopher, dict, ldap, ldaps, tftp, jar, netdoc, phar, smb;
/// - hosts that are an address which is not public, in any spelling (see `NetworkAddress`);
/// - names that always mean one: localhost and below, the clouds' metadata names, cluster names, and the public
///   wildcard names that resolve to any address (nip.io, sslip.io, xip.io, localtest.me, lvh.me).
///
/// A host is what stands after the last `@`; since parsers differ on `\`, both readings must be public. Names are not
/// resolved: a public name that points inwards is a matter for the server's egress rules.
struct AddressRule: SecurityRule {
    static let name = "ssrf"
    static let advice = "use a public address, or add the host to allowed_hosts"

    private let urls: Pattern
    private let allowed: Set<String>
    private let checksSchemes: Bool

    private static let schemes: Set<String> = [
        "file", "gopher", "dict", "ldap", "ldaps", "tftp", "jar", "netdoc", "phar", "smb",
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
        // Slashes may be turned round, missing or too many: the lenient parsers take them all.
        urls = try Pattern("(?:\\b([A-Za-z][A-Za-z0-9+.-]{0,30}):[/\\\\]{1,8}|\\A[/\\\\]{2})([^/?#\\s\"'<>]{0,300})")
        allowed = Set(allowedHosts.map { $0.lowercased() })
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants where variant.utf8.contains(where: { $0 == 0x2F || $0 == 0x5C }) {
            let matches = try urls.allMatches(in: variant, budget: &budget)
            let bytes = Array(variant.utf8)
            for match in matches {
                let scheme = match.groups[0].map { String(decoding: bytes[$0], as: UTF8.self).lowercased() }
                let authority = match.groups[1].map { String(decoding: bytes[$0], as: UTF8.self) } ?? ""
                if let finding = finding(scheme: scheme, authority: authority) { return finding }
            }
        }
        return nil
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
        for reading in [authority[...], authority.prefix { $0 != "\\" }, authority.drop { $0 != "\\" }.drop { $0 == "\\" }] {
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
