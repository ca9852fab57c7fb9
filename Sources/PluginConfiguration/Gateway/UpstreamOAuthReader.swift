// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// Reads `oauth` of one of `mcpServers`.
struct UpstreamOAuthReader {
    let section: SettingsSection

    private var session: LoadSession { section.session }

    /// - Returns: Nil when there is none, and with an error when it is not whole.
    func read() -> UpstreamOAuth? {
        guard section.isPresent else { return nil }
        let url = required("token_url", .secureURL, "give the token endpoint of the server's authorization server")
        let id = required("client_id", .name, "give the name that the gateway has there")
        let secret = required("client_secret", .name, "give \"{{ env.NAME }}\"")
        var oauth = UpstreamOAuth(tokenURL: url ?? "", clientID: id ?? "", clientSecret: secret ?? "")
        oauth.scopes = section.scopes("scopes")
        oauth.resource = section.optional("resource", .name)?.value
        oauth.audience = section.optional("audience", .name)?.value
        oauth.method =
            section.setting("auth_method", .choice("a way to say who the gateway is"), default: oauth.method).value
        oauth.timeout = section.setting("timeout", .seconds, default: oauth.timeout).value
        oauth.tls = GatewayTLSReader(section: section).read(url: url)
        section.finish()
        return url == nil || id == nil || secret == nil ? nil : oauth
    }

    private func required(_ key: String, _ kind: SettingKind<String>, _ advice: String) -> String? {
        let setting = section.optional(key, kind)
        if setting == nil, section.member(key) == nil {
            session.error(section.source, section.path.key(key), "is missing; \(advice)")
        }
        return setting?.value
    }
}
