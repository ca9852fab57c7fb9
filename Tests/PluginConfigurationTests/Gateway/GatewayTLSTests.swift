// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing

@testable import PluginConfiguration

@Suite("TLS in a gateway's configuration")
struct GatewayTLSTests {
    let folder: TemporaryFolder
    let certificate: String
    let key: String
    let bundle: String

    init() throws {
        folder = try TemporaryFolder()
        certificate = try folder.file("gateway.crt")
        key = try folder.file("gateway.key")
        bundle = try folder.file("ca.crt")
    }

    @Test("The listener's settings come from the file, else from variables, and --tls decides")
    func listener() throws {
        let file = GatewayAttempt("listen: {tls: {certfile: \(certificate), keyfile: \(key)}}")
        var expected = ServerTLSSettings(certificateFile: certificate, keyFile: key)
        expected.clientAuthentication = .none
        #expect(file.errors == [] && file.settings?.listen.tls == expected)

        expected.clientAuthentication = .require
        expected.caBundle = bundle
        expected.keyFilePassword = "pw"
        let variables = [
            "GATEHOUSE_SSL_ENABLED": "true", "GATEHOUSE_SSL_CERTFILE": certificate, "GATEHOUSE_SSL_KEYFILE": key,
            "GATEHOUSE_SSL_KEYFILE_PASSWORD": "pw", "GATEHOUSE_SSL_CA_CERTS": bundle,
            "GATEHOUSE_SSL_CLIENT_AUTH": "require",
        ]
        let environment = GatewayAttempt("{}", environment: variables)
        #expect(environment.errors == [] && environment.warnings == [])
        #expect(environment.settings?.listen.tls == expected)

        let off = GatewayAttempt("{}", environment: variables) { $0.overrides.tls = false }
        #expect(off.settings?.listen.tls == nil && off.warnings.contains { $0.contains("TLS is off") })
        let bare = GatewayAttempt("{}") { $0.overrides.tls = true }
        #expect(bare.errors.first?.hasPrefix("--tls: listen.tls.certfile: is missing, and TLS is on") == true)
    }

    @Test("Wrong combinations are told with their line")
    func faults() throws {
        func errors(_ listen: String) -> [String] { GatewayAttempt("listen:\n  \(listen)").errors }
        let files = "certfile: \(certificate), keyfile: \(key)"
        #expect(
            errors("tls: {\(files), client_auth: optional}").first?.hasPrefix(
                "gateway.yaml:2: listen.tls.ca_bundle: is missing, and client_auth is optional") == true)
        #expect(
            errors("tls: {\(files), allowed_clients: [a]}").first?.contains("set client_auth to require") == true)
        #expect(errors("{tls: {\(files)}, uds: /tmp/gh}").first?.contains("TLS does not go with a Unix socket") == true)
        let stdio = GatewayAttempt("{}") {
            $0.isStdio = true
            $0.overrides.tls = false
        }
        #expect(stdio.errors == ["--no-tls: has no meaning with --stdio; remove one of the two"])
    }

    @Test("Servers, token endpoints and keys each have settings of their own")
    func clients() throws {
        let attempt = GatewayAttempt(
            """
            mcpServers:
              up:
                url: https://up.example.com/mcp
                tls: {ca_bundle: \(bundle), certfile: \(certificate), keyfile: \(key)}
                oauth:
                  token_url: https://idp.example.com/token
                  client_id: a
                  client_secret: b
                  tls: {server_name: idp}
            auth:
              issuers: [{issuer: i, audience: a, jwks_url: "https://idp.example.com/keys", tls: {ca_bundle: \(bundle)}}]
            """)
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        guard case .http(let address) = settings.upstreams[0].target else {
            Issue.record("it is no HTTP server")
            return
        }
        #expect(address.tls?.caBundle == bundle && address.tls?.certificateFile == certificate)
        #expect(address.oauth?.tls?.serverName == "idp")
        #expect(settings.authentication.issuers[0].tls?.caBundle == bundle)
    }

    @Test(
        "TLS for what is in plain text is a mistake",
        arguments: [
            ("{url: 'http://h/mcp', tls: {}}", "tls: needs a URL with https://, and this one is in plain text"),
            ("{url: 'https://h/mcp', uds: /tmp/s}", "url: TLS does not go with a Unix socket"),
            ("{command: x, tls: {}}", "tls: is only for a server with a url"),
            (
                "{url: 'http://h/mcp', oauth: {token_url: 'http://localhost/t', client_id: a, client_secret: b, tls: {}}}",
                "oauth.tls: needs a URL with https://"
            ),
        ])
    func plaintext(_ server: String, _ complaint: String) {
        let errors = GatewayAttempt("mcpServers:\n  up: \(server)").errors
        #expect(errors.contains { $0.hasPrefix("gateway.yaml:2: mcpServers.up.\(complaint)") }, "\(errors)")
    }

    @Test("A fault that shows when a file is used is told with its line, or the variable in its place")
    func laterFaults() throws {
        let files = "certfile: \(certificate), keyfile: \(key)"
        let file = try #require(GatewayAttempt("listen:\n  port: 1\n  tls: {\(files)}").loaded)
        #expect(
            "\(file.diagnostic(key: "listen.tls.keyfile", message: "m"))" == "gateway.yaml:3: listen.tls.keyfile: m")
        let environment = try #require(
            GatewayAttempt(
                "listen: {tls: {\(files)}}", environment: ["GATEHOUSE_SSL_KEYFILE": certificate]
            ).loaded)
        #expect(
            "\(environment.diagnostic(key: "listen.tls.keyfile", message: "m"))"
                == "GATEHOUSE_SSL_KEYFILE: listen.tls.keyfile: m")
    }
}
