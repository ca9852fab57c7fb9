// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// Reads `auth`, but for its tokens.
struct GatewayAuthenticationReader {
    /// The section `auth`.
    let section: SettingsSection

    private var session: LoadSession { section.session }

    func read() -> GatewayAuthenticationSettings {
        var settings = GatewayAuthenticationSettings()
        let resource = section.optional("resource", .publicURL)
        settings.resource = resource?.value
        settings.requiredScopes = section.scopes("required_scopes")
        for (path, node) in section.elements("issuers") {
            let entry = SettingsSection(session, path: path, node: node, line: node.line)
            guard let issuer = GatewayTokenIssuerReader(section: entry).read() else { continue }
            if settings.issuers.contains(where: { $0.name.hasSameBytes(as: issuer.name) }) {
                session.error(entry.source, path.key("issuer"), "is the issuer of another entry; give each once")
            }
            settings.issuers.append(issuer)
        }
        if let resource, settings.issuers.isEmpty {
            session.error(
                resource.source, section.path.key("resource"),
                "tells clients where to get tokens, and there is nobody to get them from; give auth.issuers, or remove it"
            )
        }
        section.finish()
        return settings
    }
}

/// Reads one of `auth.issuers`.
struct GatewayTokenIssuerReader {
    /// The fewest bytes of a secret for HS256 (RFC 7518, section 3.2).
    private static let minimumSecretSize = 32

    let section: SettingsSection

    private var session: LoadSession { section.session }
    private var path: KeyPathText { section.path }

    /// - Returns: The issuer, or nil with an error.
    func read() -> GatewayTokenIssuer? {
        let name = required("issuer", "give the `iss` of its tokens, byte for byte")
        let audiences = section.textOrTexts("audience")
        if audiences.isEmpty,
            section.member("audience") == nil || section.member("audience")?.value.elements?.isEmpty == true
        {
            session.error(
                section.source, path.key("audience"),
                "is missing, so that tokens for any service would be taken; give the `aud` of the tokens for this gateway"
            )
        }
        let keys = readKeys()
        var issuer = GatewayTokenIssuer(name: name ?? "", audiences: audiences, keys: keys ?? .secret(""))
        issuer.keyID = section.optional("key_id", .name)?.value
        issuer.clockSkew = section.setting("clock_skew", .clockSkew, default: issuer.clockSkew).value
        issuer.maximumLifetime =
            section.setting("max_lifetime", .secondsOrNever, default: issuer.maximumLifetime).value
        readTimes(&issuer, usesSet: keys.map(Self.isSet) ?? true)
        issuer.tls = GatewayTLSReader(section: section).read(url: keys.flatMap(Self.url))
        readClaims(&issuer.claims)
        section.finish()
        guard name != nil, keys != nil, !audiences.isEmpty else { return nil }
        return issuer
    }

    private func required(_ key: String, _ advice: String) -> String? {
        let setting = section.optional(key, .name)
        if setting == nil, section.member(key) == nil {
            session.error(section.source, path.key(key), "is missing; \(advice)")
        }
        return setting?.value
    }

    // MARK: Keys

    private static func isSet(_ keys: GatewayTokenIssuer.Keys) -> Bool {
        switch keys {
        case .secret, .publicKeyFile: false
        case .setFile, .setURL: true
        }
    }

    /// Where keys are fetched from; empty for nowhere.
    private static func url(_ keys: GatewayTokenIssuer.Keys) -> String? {
        if case .setURL(let url) = keys { url } else { "" }
    }

    /// Exactly one place of keys.
    private func readKeys() -> GatewayTokenIssuer.Keys? {
        let names = ["jwks_url", "jwks_file", "public_key_file", "secret"]
        let secret = section.optional("secret", .text)
        let publicKey = section.optional("public_key_file", .name)
        let file = section.optional("jwks_file", .name)
        let url = section.optional("jwks_url", .secureURL)
        let given = names.filter { section.member($0) != nil }
        guard given.count == 1 else {
            session.error(
                section.source, path,
                given.isEmpty
                    ? "has no keys; give one of \(names.joined(separator: ", "))"
                    : "has both \(given.joined(separator: " and ")); keep one")
            return nil
        }
        if let secret {
            guard secret.value.utf8.count >= Self.minimumSecretSize else {
                session.error(
                    secret.source, path.key("secret"),
                    "is shorter than \(Self.minimumSecretSize) bytes, which HS256 needs; make one with `openssl rand -hex 32`"
                )
                return nil
            }
            return .secret(secret.value)
        }
        if publicKey != nil {
            return session.existingFile(publicKey, path.key("public_key_file")).map { .publicKeyFile($0) }
        }
        if file != nil {
            return session.existingFile(file, path.key("jwks_file")).map { .setFile($0) }
        }
        return url.map { .setURL($0.value) }
    }

    private func readTimes(_ issuer: inout GatewayTokenIssuer, usesSet: Bool) {
        func time(_ key: String, _ value: inout Duration) {
            let setting = section.setting(key, .seconds, default: value)
            value = setting.value
            if !usesSet, setting.source != .defaultValue {
                session.error(setting.source, path.key(key), "is only for jwks_url and jwks_file; remove it")
            }
        }
        time("jwks_refresh", &issuer.refreshInterval)
        time("jwks_min_interval", &issuer.minimumInterval)
        time("jwks_max_age", &issuer.maximumAge)
        time("jwks_timeout", &issuer.timeout)
        if usesSet, issuer.keyID != nil {
            session.error(
                section.source, path.key("key_id"),
                "is only for public_key_file and secret, a set names its keys; remove it")
        }
        if issuer.maximumAge < issuer.refreshInterval {
            session.error(
                section.source, path.key("jwks_max_age"),
                "is below jwks_refresh, so that there would be times without keys; raise it")
        }
    }

    private func readClaims(_ claims: inout GatewayTokenIssuer.ClaimNames) {
        let names = section.section("claims")
        claims.subject = names.optional("subject", .name)?.value
        claims.email = names.optional("email", .name)?.value
        claims.tenant = names.optional("tenant", .name)?.value
        claims.teams = names.optional("teams", .name)?.value
        claims.scopes = names.optional("scopes", .name)?.value
        claims.admin = names.optional("admin", .name)?.value
        claims.servers = names.optional("servers", .name)?.value
        names.finish()
    }
}

extension SettingKind where Setting == String {
    /// A URL that secrets or keys travel over: with TLS, or within this machine.
    static let secureURL = SettingKind(
        noun: "an encrypted URL", advice: "give one with https://, or http:// and a loopback address",
        parse: { text in
            guard let url = URLParts(text), !url.authority.utf8.contains(UInt8(ascii: "@")) else { return nil }
            let isLocal =
                ["localhost", "[::1]", "127.0.0.1"].contains { $0.hasSameBytes(as: url.host) }
            return url.scheme.hasSameBytes(as: "https") || isLocal ? text : nil
        }, show: { .string($0) })

    /// A URL that clients see: scheme, host and perhaps a path, without query and fragment.
    static let publicURL = SettingKind(
        noun: "a public URL", advice: "give scheme and host, such as https://gateway.example.com",
        parse: { text in
            guard let url = URLParts(text), !text.utf8.contains(where: { "?#@\"\\".utf8.contains($0) }),
                !url.host.isEmpty
            else {
                return nil
            }
            return text
        }, show: { .string($0) })
}

extension SettingKind where Setting == Duration {
    /// Up to ten minutes, 0 included.
    static let clockSkew = SettingKind(
        noun: "a difference of clocks", advice: "give a number of seconds from 0 to 600",
        parse: { text in
            guard let value = PlainScalar.value(of: text).doubleValue, (0...600).contains(value) else { return nil }
            return .seconds(value)
        },
        show: { $0.components.attoseconds == 0 ? .int($0.components.seconds) : .double($0.inSeconds) })
}

/// The parts of an absolute URL of HTTP.
private struct URLParts {
    let scheme: String
    let authority: String
    /// The authority without its port, in lower case.
    let host: String

    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let lower = text.lowercased()
        guard let scheme = ["https", "http"].first(where: { lower.hasPrefix("\($0)://") }) else { return nil }
        let rest = text.utf8.dropFirst(scheme.utf8.count + 3)
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        guard !authority.isEmpty else { return nil }
        self.scheme = scheme
        self.authority = String(Substring(authority))
        let bracket = authority.lastIndex(of: UInt8(ascii: "]"))
        let port = authority[(bracket ?? authority.startIndex)...].lastIndex(of: UInt8(ascii: ":"))
        host = String(Substring(authority[..<(port ?? authority.endIndex)])).lowercased()
    }
}
