// SPDX-License-Identifier: Apache-2.0

import MCPTransport
import PluginFramework
import Testing
import Values

@testable import TransportSecurity

/// A plugin server and a caller of ours over MCP/HTTP, in every combination of what either side is set to.
@Suite struct MCPOverTLSTests {
    /// What the client brings.
    enum Client: Sendable, CaseIterable { case nothing, good, stranger, wrongName }

    /// Who the plugin takes the caller for, by `ssl_cert_reqs` and what the client shows; nil for nobody served.
    static let table: [ServerTLSSettings.ClientAuthentication: [Client: String]] = [
        .none: [.nothing: "nobody", .good: "nobody", .stranger: "nobody", .wrongName: "nobody"],
        .optional: [
            .nothing: "nobody", .good: "CN=client,O=Gatehouse", .wrongName: "CN=client,O=Gatehouse",
        ],
        .require: [.good: "CN=client,O=Gatehouse", .wrongName: "CN=client,O=Gatehouse"],
    ]

    let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    private func server(
        _ authentication: ServerTLSSettings.ClientAuthentication, _ flaw: TestCertificates.Flaw = .none,
        allowed: [String]? = nil, log: LogLines = LogLines()
    ) throws -> TLSServer {
        // Older than the certificate's end, so that one that has expired by now can be served.
        let now = flaw == .expired ? TestCertificates.daysAgo(150) : .now
        var settings = certificates.serverSettings(try certificates.issue(.server, flaw), authentication)
        settings.allowedClients = allowed
        return try certificates.server(settings, for: .http1, log: log, now: now)
    }

    private func client(_ client: Client) throws -> ClientTLSSettings {
        let flaw: TestCertificates.Flaw? =
            switch client {
            case .nothing: nil
            case .good: TestCertificates.Flaw.none
            case .stranger: .stranger
            case .wrongName: .wrongName
            }
        return certificates.clientSettings(try flaw.map { try certificates.issue(.client, $0) })
    }

    @Test(arguments: [ServerTLSSettings.ClientAuthentication.none, .optional, .require])
    func clientsAreServedByTheirCertificates(_ authentication: ServerTLSSettings.ClientAuthentication) async throws {
        try await MCPTestServer.with(try server(authentication)) { port in
            for each in Client.allCases {
                let (metadata, reason) = try await MCPTestServer.ask("https://localhost:\(port)/mcp", try client(each))
                #expect(metadata?["subject"]?.stringValue == Self.table[authentication]?[each], "\(each): \(reason)")
                switch each {
                case .nothing where authentication == .require: #expect(reason.contains("requires a certificate"))
                case .stranger where authentication != .none:
                    #expect(reason.contains("does not trust the authority"))
                default: #expect(reason == "")
                }
            }
        }
    }

    @Test func aPluginKnowsItsCallerByAllNamesOfTheCertificate() async throws {
        let (metadata, _) = try await MCPTestServer.with(try server(.require)) { port in
            try await MCPTestServer.ask("https://127.0.0.1:\(port)/mcp", try client(.good))
        }
        #expect(metadata?["dns"] == ["gateway.test"])
        #expect(metadata?["spiffe"] == "spiffe://test/gateway/a")
    }

    @Test(arguments: TestCertificates.Flaw.allCases)
    func theServersCertificateIsVerifiedUnlessToldOtherwise(_ flaw: TestCertificates.Flaw) async throws {
        var unnamed = certificates.clientSettings()
        unnamed.checkHostname = false
        let settings = [certificates.clientSettings(), unnamed, certificates.clientSettings(verify: false)]
        let answers = try await MCPTestServer.with(try server(.none, flaw)) { port in
            var answers: [(metadata: ValueObject?, reason: String)] = []
            for each in settings { answers.append(try await MCPTestServer.ask("https://localhost:\(port)/mcp", each)) }
            return answers
        }
        let used = answers.map { $0.metadata != nil }
        switch flaw {
        case .none: #expect(used == [true, true, true])
        case .expired:
            #expect(used == [false, false, true])
            #expect(answers[0].reason.contains("expired on"))
        case .stranger:
            #expect(used == [false, false, true])
            #expect(answers[0].reason.contains("was issued by CN=Stranger CA"))
        case .wrongName:
            #expect(used == [false, true, true])
            #expect(answers[0].reason.contains("is not for the name localhost, but for elsewhere.test"))
        }
    }

    @Test func plaintextAndTLSDoNotMeet() async throws {
        let (plain, plainReason) = try await MCPTestServer.with(nil) { port in
            try await MCPTestServer.ask("https://localhost:\(port)/mcp", try client(.nothing))
        }
        #expect(plain == nil && plainReason.contains("cannot be reached"))
        let (secured, reason) = try await MCPTestServer.with(try server(.none)) { port in
            try await MCPTestServer.ask("http://localhost:\(port)/mcp", nil)
        }
        #expect(secured == nil && reason.contains("cannot be reached"))
    }

    @Test func withoutABundleTheSystemsAuthoritiesCount() async throws {
        let (metadata, reason) = try await MCPTestServer.with(try server(.none)) { port in
            try await MCPTestServer.ask("https://localhost:\(port)/mcp", nil)
        }
        #expect(metadata == nil && reason.contains("was issued by CN=Test CA"))
    }

    @Test func onlyAllowedClientsAreServed() async throws {
        let log = LogLines()
        let security = try server(.require, allowed: ["spiffe://test/gateway/*"], log: log)
        let served = try await MCPTestServer.with(security, log: log) { port in
            [
                try await MCPTestServer.ask("https://localhost:\(port)/mcp", try client(.good)).metadata != nil,
                try await MCPTestServer.ask("https://localhost:\(port)/mcp", try client(.wrongName)).metadata != nil,
            ]
        }
        #expect(served == [true, false])
        #expect(log.contains("warning: Refused a TLS client names=elsewhere.test"))
    }

    @Test func whatCannotBeSecuredAsConfiguredIsRefusedWithItsKey() throws {
        func fault(_ url: String, _ tls: ClientTLSSettings?, uds: String? = nil) -> SettingsError? {
            do throws(SettingsError) {
                _ = try MCPTestServer.connector().plugin(for: MCPTestServer.entry(url, tls, uds: uds))
                return nil
            } catch {
                return error
            }
        }
        #expect(fault("http://h/mcp", ClientTLSSettings())?.key == "mcp.tls")
        #expect(fault("https://h/mcp", nil, uds: "/run/x")?.key == "mcp.url")
        var settings = certificates.clientSettings()
        settings.caBundle = "/nowhere/ca.crt"
        #expect(fault("https://h/mcp", settings)?.key == "mcp.tls.ca_bundle")
        #expect(fault("https://h/mcp", settings)?.message.contains("/nowhere/ca.crt") == true)
    }
}
