// SPDX-License-Identifier: Apache-2.0

import Gateway
import HTTP
import ModelContextProtocol
import PluginFramework
import Testing

@testable import TransportSecurity

/// A gateway whose clients, and whose upstream, come over TLS.
@Suite struct GatewayOverTLSTests {
    let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    private func settings(
        _ authentication: ServerTLSSettings.ClientAuthentication = .none, upstream: UpstreamSettings? = nil
    ) throws -> GatewaySettings {
        var settings = GatewaySettings()
        settings.listen.tls = certificates.serverSettings(try certificates.issue(.server), authentication)
        settings.upstreams = upstream.map { [$0] } ?? []
        return settings
    }

    private func client(_ flaw: TestCertificates.Flaw? = nil) throws -> TLSClient {
        let files = try flaw.map { try certificates.issue(.client, $0) }
        return try certificates.client(certificates.clientSettings(files), for: .http1)
    }

    private func plugins(_ authentication: ServerTLSSettings.ClientAuthentication = .none) throws -> TLSServer {
        try certificates.server(
            certificates.serverSettings(try certificates.issue(.server, name: "upstream"), authentication), for: .http1)
    }

    @Test func callsGoThroughWithTLSOnBothSides() async throws {
        let tls = certificates.clientSettings(try certificates.issue(.client))
        let text = try await MCPTestServer.with(try plugins(.require)) { upstream in
            let settings = try settings(
                upstream: GatewayTestServer.upstream("https://localhost:\(upstream)/mcp", tls))
            return try await GatewayTestServer.with(settings) { port in
                try await GatewayTestServer.withClient(port, try client()) {
                    try await $0.text(of: "up-get_plugin_configs")
                }
            }
        }
        #expect(text.contains(#""name":"Who""#))
    }

    @Test(arguments: [ServerTLSSettings.ClientAuthentication.none, .optional, .require])
    func clientsAreServedByTheirCertificatesAndPluginsKnowThem(
        _ authentication: ServerTLSSettings.ClientAuthentication
    ) async throws {
        try await MCPTestServer.with(nil) { upstream in
            let settings = try settings(
                authentication, upstream: GatewayTestServer.upstream("http://localhost:\(upstream)/mcp", nil))
            try await GatewayTestServer.with(settings, asksDoorman: true) { port in
                func who(_ flaw: TestCertificates.Flaw?) async throws -> String {
                    do {
                        return try await GatewayTestServer.withClient(port, try client(flaw)) {
                            try await $0.text(of: "up-get_plugin_configs")
                        }
                    } catch let error as MCPClientError {
                        return "\(error)"
                    }
                }
                let (nothing, good, stranger) = (
                    try await who(nil), try await who(TestCertificates.Flaw.none),
                    try await who(.stranger)
                )
                switch authentication {
                case .none:
                    for each in [nothing, good, stranger] { #expect(each.contains("nobody")) }
                case .optional:
                    #expect(nothing.contains("nobody") && good.contains("spiffe://test/gateway/a"))
                    #expect(stranger.contains("does not trust the authority"))
                case .require:
                    #expect(nothing.contains("requires a certificate") && good.contains("spiffe://test/gateway/a"))
                    #expect(stranger.contains("does not trust the authority"))
                }
            }
        }
    }

    @Test(arguments: [TestCertificates.Flaw.expired, .stranger, .wrongName])
    func anUpstreamThatIsNotTheOneMeantIsDown(_ flaw: TestCertificates.Flaw) async throws {
        // Older than the certificate's end, so that one that has expired by now can be served.
        let now = flaw == .expired ? TestCertificates.daysAgo(150) : .now
        let server = try certificates.server(
            certificates.serverSettings(try certificates.issue(.server, flaw, name: "upstream")), for: .http1, now: now)
        try await MCPTestServer.with(server) { upstream in
            let settings = try settings(
                upstream: GatewayTestServer.upstream(
                    "https://localhost:\(upstream)/mcp", certificates.clientSettings()))
            try await GatewayTestServer.with(settings) { port in
                let client = try client()
                try await eventually("it is known to be down") {
                    try await GatewayTestServer.get(port, "/ready", client).text.contains(#""up":"down""#)
                }
            }
        }
    }

    @Test func pagesForOperatorsAreServedOverTLS() async throws {
        try await GatewayTestServer.with(try settings(.require)) { port in
            let client = try client(TestCertificates.Flaw.none)
            #expect(try await GatewayTestServer.get(port, "/health", client).text == #"{"status":"healthy"}"#)
            let metrics = try await GatewayTestServer.get(port, "/metrics/prometheus", client)
            #expect(metrics.status == 200)
            #expect(metrics.text.contains(#"gatehouse_info{version="test"} 1"#))
            #expect(metrics.text.contains(#"gatehouse_mcp_calls_total{kind="tool"} 0"#))
            #expect(metrics.text.contains(#"gatehouse_tls_certificate_days_left{place="listen.tls",file=""#))
            // A certificate of 90 days has 90 left within its first second, and 89 after that.
            let daysLeft = ["90", "89"].map { #"subject="CN=server,O=Gatehouse"} \#($0)"# }
            #expect(daysLeft.contains { metrics.text.contains($0) })
            #expect(metrics.text.contains("gatehouse_http_connections 1"))
            await #expect(throws: HTTPClientError.self) {
                try await GatewayTestServer.get(port, "/health", try self.client())
            }
        }
    }

    @Test func metricsNeedATokenWhenTokensAreAskedFor() async throws {
        var settings = try settings()
        settings.tokens = [GatewayToken(token: "0123456789abcdef")]
        let answer = try await GatewayTestServer.with(settings) { port in
            try await GatewayTestServer.get(port, "/metrics/prometheus", try client())
        }
        #expect(answer.status == 401)
    }

    @Test func whatCannotBeSecuredIsRefusedAtStartWithItsKey() throws {
        func fault(_ change: (inout GatewaySettings) throws -> Void) throws -> SettingsError? {
            var settings = GatewaySettings()
            try change(&settings)
            do throws(SettingsError) {
                _ = try GatewaySecurity(settings, tls: TLSStore(logger: LogLines().logger), listens: true)
                return nil
            } catch {
                return error
            }
        }
        let expired = try certificates.issue(.server, .expired)
        let listen = try fault { $0.listen.tls = certificates.serverSettings(expired) }
        #expect(listen?.key == "listen.tls.certfile" && listen?.message.contains("expired on") == true)
        var wrong = ClientTLSSettings()
        wrong.caBundle = "/nowhere/ca.crt"
        let upstream = try fault { $0.upstreams = [GatewayTestServer.upstream("https://h/mcp", wrong)] }
        #expect(upstream?.key == "mcpServers.up.tls.ca_bundle")
        let token = try fault { settings in
            var address = UpstreamAddress(url: "http://h/mcp")
            address.oauth = UpstreamOAuth(tokenURL: "https://h/token", clientID: "a", clientSecret: "b")
            address.oauth?.tls = wrong
            settings.upstreams = [UpstreamSettings(name: "up", target: .http(address), prefix: "up")]
        }
        #expect(token?.key == "mcpServers.up.oauth.tls.ca_bundle")
        let keys = try fault { settings in
            var issuer = GatewayTokenIssuer(name: "i", audiences: ["a"], keys: .setURL("https://h/keys"))
            issuer.tls = wrong
            settings.authentication.issuers = [issuer]
        }
        #expect(keys?.key == "auth.issuers.0.tls.ca_bundle")
    }
}
