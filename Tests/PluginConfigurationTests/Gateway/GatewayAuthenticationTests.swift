// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing

@testable import PluginConfiguration

@Suite("Who may use a gateway, by its configuration")
struct GatewayAuthenticationTests {
    @Test("Issuers are read with all their keys, and secrets are not shown")
    func issuers() throws {
        let folder = try TemporaryFolder()
        let set = try folder.file("keys.json")
        let key = try folder.file("key.pem")
        let attempt = GatewayAttempt(
            """
            auth:
              resource: https://gw.example.com
              required_scopes: [mcp]
              issuers:
                - issuer: https://idp.example.com
                  audience: https://gw.example.com/mcp
                  jwks_url: https://idp.example.com/keys
                  clock_skew: 0
                  max_lifetime: 3600
                  jwks_refresh: 60
                  jwks_min_interval: 5
                  jwks_max_age: 120
                  jwks_timeout: 2
                  claims: {subject: uid, email: mail, tenant: org, teams: groups, scopes: /realm/roles, admin: root, servers: gw}
                - {issuer: b, audience: [x, y], jwks_file: \(set)}
                - {issuer: c, audience: [x], public_key_file: \(key), key_id: k}
                - {issuer: d, audience: [x], secret: "{{ env.JWT_SECRET }}"}
            """, environment: ["JWT_SECRET": "0123456789abcdef0123456789abcdef"])
        let settings = try #require(attempt.settings, "\(attempt.errors)").authentication
        #expect(settings.resource == "https://gw.example.com" && settings.requiredScopes == ["mcp"])
        let first = try #require(settings.issuers.first)
        #expect(first.name == "https://idp.example.com" && first.audiences == ["https://gw.example.com/mcp"])
        #expect(first.clockSkew == .zero && first.maximumLifetime == .seconds(3_600))
        #expect(first.refreshInterval == .seconds(60) && first.minimumInterval == .seconds(5))
        #expect(first.maximumAge == .seconds(120) && first.timeout == .seconds(2))
        let claims = first.claims
        #expect(
            [claims.subject, claims.email, claims.tenant, claims.teams, claims.scopes, claims.admin, claims.servers]
                == ["uid", "mail", "org", "groups", "/realm/roles", "root", "gw"])
        #expect(
            settings.issuers.map(\.keys) == [
                .setURL("https://idp.example.com/keys"), .setFile(set), .publicKeyFile(key),
                .secret("0123456789abcdef0123456789abcdef"),
            ])
        #expect(settings.issuers[1].audiences == ["x", "y"] && settings.issuers[2].keyID == "k")
        let shown = try #require(attempt.loaded).report.table
        #expect(!shown.contains("0123456789abcdef"), "a secret is not shown")
        #expect(shown.contains("auth.issuers[0].jwks_url"))
    }

    @Test("A gateway that others can reach may have issuers in place of tokens")
    func satisfiesTheBindRule() {
        let open = """
            listen: {host: 0.0.0.0}
            auth: {issuers: [{issuer: a, audience: b, secret: 0123456789abcdef0123456789abcdef}]}
            """
        #expect(GatewayAttempt(open).settings != nil)
    }

    @Test("Scopes of tokens, servers, upstreams and tools, shares of users, and the gateway's own credentials are read")
    func everythingElse() throws {
        let attempt = GatewayAttempt(
            """
            auth: {tokens: [{token: 0123456789abcdef, user: a, scopes: [read]}, {token: 0123456789abcdeg}]}
            mcpServers:
              git:
                url: https://git.example.com/mcp
                scopes: [git]
                tool_scopes: {"git_*": [git:read], git_push: [git:write, sign]}
                oauth:
                  token_url: https://idp.example.com/token
                  client_id: gatehouse
                  client_secret: hush-hush-hush
                  scopes: [mcp]
                  resource: https://git.example.com/mcp
                  audience: git
                  auth_method: post
                  timeout: 3
            servers: {dev: {mcpServers: [git], scopes: [dev]}}
            limits: {max_calls_per_user: 3, max_sessions_per_user: 4, max_bytes_per_user: 1 MiB}
            """)
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        #expect(settings.tokens.map(\.scopes) == [["read"], nil])
        let git = try #require(settings.upstreams.first)
        #expect(git.scopes == ["git"])
        #expect(
            git.toolScopes == [
                ToolScopes(pattern: "git_*", scopes: ["git:read"]),
                ToolScopes(pattern: "git_push", scopes: ["git:write", "sign"]),
            ])
        guard case .http(let address) = git.target else {
            Issue.record("the server is reached by URL")
            return
        }
        var oauth = UpstreamOAuth(
            tokenURL: "https://idp.example.com/token", clientID: "gatehouse", clientSecret: "hush-hush-hush")
        oauth.scopes = ["mcp"]
        oauth.resource = "https://git.example.com/mcp"
        oauth.audience = "git"
        oauth.method = .post
        oauth.timeout = .seconds(3)
        #expect(address.oauth == oauth)
        #expect(settings.servers.first?.scopes == ["dev"])
        let limits = settings.limits
        #expect(
            [limits.maximumCallsPerUser, limits.maximumSessionsPerUser, limits.maximumBytesPerUser] == [3, 4, 1 << 20])
        #expect(!(attempt.loaded?.report.table.contains("hush") ?? true))
    }

    private static let secret = "secret: 0123456789abcdef0123456789abcdef"

    @Test(
        "What is wrong is told with key and remedy",
        arguments: [
            ("[{audience: a, \(secret)}]", "auth.issuers[0].issuer: is missing"),
            ("[{issuer: a, \(secret)}]", "auth.issuers[0].audience: is missing, so that tokens for any service"),
            ("[{issuer: a, audience: [], \(secret)}]", "auth.issuers[0].audience: is missing"),
            ("[{issuer: a, audience: b}]", "auth.issuers[0]: has no keys; give one of jwks_url"),
            (
                "[{issuer: a, audience: b, \(secret), jwks_url: 'https://a/'}]",
                "auth.issuers[0]: has both jwks_url and secret; keep one"
            ),
            ("[{issuer: a, audience: b, secret: short}]", "auth.issuers[0].secret: is shorter than 32 bytes"),
            ("[{issuer: a, audience: b, jwks_url: 'http://a.example.com/'}]", "is not an encrypted URL"),
            ("[{issuer: a, audience: b, jwks_url: 'http://localhost.example.com/'}]", "is not an encrypted URL"),
            ("[{issuer: a, audience: b, jwks_url: 'https://u:p@a/'}]", "is not an encrypted URL"),
            (
                "[{issuer: a, audience: b, jwks_file: /nowhere/x}]",
                "auth.issuers[0].jwks_file: \"/nowhere/x\" does not exist"
            ),
            ("[{issuer: a, audience: b, \(secret), jwks_refresh: 5}]", "jwks_refresh: is only for jwks_url"),
            (
                "[{issuer: a, audience: b, jwks_url: 'https://a/', key_id: k}]",
                "key_id: is only for public_key_file and secret"
            ),
            (
                "[{issuer: a, audience: b, jwks_url: 'https://a/', jwks_max_age: 1}]",
                "jwks_max_age: is below jwks_refresh"
            ),
            ("[{issuer: a, audience: b, \(secret), clock_skew: 601}]", "is not a difference of clocks"),
            ("[{issuer: a, audience: b, \(secret), algorithm: none}]", "auth.issuers[0].algorithm: unknown key"),
            ("[{issuer: a, audience: b, \(secret), claims: {user: x}}]", "auth.issuers[0].claims.user: unknown key"),
            (
                "[{issuer: a, audience: b, \(secret)}, {issuer: a, audience: c, \(secret)}]",
                "auth.issuers[1].issuer: is the issuer of another entry"
            ),
        ])
    func reportsIssuerFaults(issuers: String, expected: String) {
        let attempt = GatewayAttempt("auth: {issuers: \(issuers)}")
        #expect(attempt.errors.contains { $0.contains(expected) }, "\(attempt.errors)")
    }

    @Test(
        "What is wrong elsewhere is told as well",
        arguments: [
            ("auth: {resource: 'https://gw.example.com'}", "auth.resource: tells clients where to get tokens"),
            ("auth: {resource: gw.example.com}", "\"gw.example.com\" is not a public URL"),
            ("auth: {required_scopes: ['a b']}", "auth.required_scopes[0]: \"a b\" is no scope"),
            ("mcpServers: {a: {url: 'https://h/', oauth: {client_id: x}}}", "mcpServers.a.oauth.token_url: is missing"),
            (
                "mcpServers: {a: {command: x, oauth: {client_id: x}}}",
                "mcpServers.a.oauth: is only for a server with a url"
            ),
            (
                """
                mcpServers: {a: {url: 'https://h/', headers: {authorization: x}, oauth:
                  {token_url: 'https://i/', client_id: x, client_secret: y}}}
                """, "mcpServers.a.headers.authorization: stands beside oauth"
            ),
            (
                "mcpServers: {a: {url: 'https://h/', oauth: {token_url: 'http://i/', client_id: x, client_secret: y}}}",
                "mcpServers.a.oauth.token_url: \"http://i/\" is not an encrypted URL"
            ),
            (
                "mcpServers: {a: {command: x, tool_scopes: {t: [\"\"]}}}",
                "mcpServers.a.tool_scopes.t[0]: \"\" is no scope"
            ),
            ("limits: {max_calls_per_user: 0}", "limits.max_calls_per_user: \"0\" is not a whole number"),
        ])
    func reportsFaults(yaml: String, expected: String) {
        let attempt = GatewayAttempt(yaml)
        #expect(attempt.errors.contains { $0.contains(expected) }, "\(attempt.errors)")
    }
}
