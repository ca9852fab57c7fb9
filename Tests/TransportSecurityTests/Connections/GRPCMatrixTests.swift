// SPDX-License-Identifier: Apache-2.0

import GRPC
import PluginFramework
import Testing

@testable import TransportSecurity

/// Client and server of ours, in every combination of what either side is set to.
@Suite struct GRPCMatrixTests {
    /// How the server is set.
    enum Server: Sendable, CaseIterable { case plaintext, none, optional, require }

    /// What the client brings.
    enum Client: Sendable, CaseIterable { case plaintext, nothing, good, expired, stranger, wrongName }

    /// What each combination comes to: who the server takes the client for, or why there is no answer.
    static let table: [Server: [Client: GRPCChannel.Answer]] = [
        .plaintext: [
            .plaintext: .answered("nobody"),
            .nothing: .failed("closed the connection during the TLS handshake"),
            .good: .failed("closed the connection during the TLS handshake"),
            .expired: .failed("closed the connection during the TLS handshake"),
            .stranger: .failed("closed the connection during the TLS handshake"),
            .wrongName: .failed("closed the connection during the TLS handshake"),
        ],
        .none: [
            .plaintext: .failed("cannot be reached"),
            .nothing: .answered("nobody"), .good: .answered("nobody"), .expired: .answered("nobody"),
            .stranger: .answered("nobody"), .wrongName: .answered("nobody"),
        ],
        .optional: [
            .plaintext: .failed("cannot be reached"),
            .nothing: .answered("nobody"),
            .good: .answered("CN=client,O=Gatehouse"),
            .expired: .failed("finds our certificate expired"),
            .stranger: .failed("does not trust the authority of our certificate"),
            // A client's names are for `allowed_clients`: a verified certificate is one, whatever its names.
            .wrongName: .answered("CN=client,O=Gatehouse"),
        ],
        .require: [
            .plaintext: .failed("cannot be reached"),
            .nothing: .failed("requires a certificate"),
            .good: .answered("CN=client,O=Gatehouse"),
            .expired: .failed("finds our certificate expired"),
            .stranger: .failed("does not trust the authority of our certificate"),
            .wrongName: .answered("CN=client,O=Gatehouse"),
        ],
    ]

    let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    private func server(_ kind: Server, log: LogLines = LogLines()) throws -> TLSServer? {
        let files = try certificates.issue(.server)
        return switch kind {
        case .plaintext: nil
        case .none: try certificates.server(certificates.serverSettings(files, .none), log: log)
        case .optional: try certificates.server(certificates.serverSettings(files, .optional), log: log)
        case .require: try certificates.server(certificates.serverSettings(files, .require), log: log)
        }
    }

    private func client(_ kind: Client, verify: Bool) throws -> TLSClient? {
        let flaw: TestCertificates.Flaw
        switch kind {
        case .plaintext: return nil
        case .nothing: return try certificates.client(certificates.clientSettings(verify: verify))
        case .good: flaw = .none
        case .expired: flaw = .expired
        case .stranger: flaw = .stranger
        case .wrongName: flaw = .wrongName
        }
        let files = try certificates.issue(.client, flaw)
        // It was valid when the client started.
        let now = flaw == .expired ? TestCertificates.daysAgo(150) : .now
        return try certificates.client(certificates.clientSettings(files, verify: verify), now: now)
    }

    @Test(arguments: Server.allCases, [true, false])
    func eachClientIsAnsweredOrToldWhyNot(_ server: Server, verify: Bool) async throws {
        try await GRPCTestServer.with(try self.server(server)) { port in
            for client in Client.allCases {
                let answer = try await GRPCChannel.ask(port, try self.client(client, verify: verify))
                switch try #require(Self.table[server]?[client]) {
                case .answered(let who): #expect(answer == .answered(who), "\(client)")
                case .failed(let reason):
                    #expect(!answer.isAnswered && answer.text.contains(reason), "\(client): \(answer)")
                }
            }
        }
    }

    @Test(arguments: TestCertificates.Flaw.allCases)
    func aServersCertificateIsVerifiedUnlessToldOtherwise(_ flaw: TestCertificates.Flaw) async throws {
        let files = try certificates.issue(.server, flaw)
        let now = flaw == .expired ? TestCertificates.daysAgo(150) : .now
        let server = try certificates.server(certificates.serverSettings(files), now: now)
        var unnamed = certificates.clientSettings()
        unnamed.checkHostname = false
        let answers = try await GRPCTestServer.with(server) { port in
            [
                try await GRPCChannel.ask(port, try certificates.client(certificates.clientSettings())),
                try await GRPCChannel.ask(port, try certificates.client(unnamed)),
                try await GRPCChannel.ask(port, try certificates.client(certificates.clientSettings(verify: false))),
            ]
        }
        switch flaw {
        case .none: #expect(answers.map(\.isAnswered) == [true, true, true])
        case .expired:
            #expect(answers.map(\.isAnswered) == [false, false, true])
            #expect(answers[0].text.contains("the server's certificate (CN=server,O=Gatehouse) expired on"))
        case .stranger:
            #expect(answers.map(\.isAnswered) == [false, false, true])
            #expect(answers[0].text.contains("was issued by CN=Stranger CA,O=Gatehouse, which is not among"))
        case .wrongName:
            #expect(answers.map(\.isAnswered) == [false, true, true])
            #expect(answers[0].text.contains("is not for the name localhost, but for elsewhere.test"))
        }
    }

    @Test func theNameToExpectCanBeGiven() async throws {
        let files = try certificates.issue(.server, .wrongName)
        var settings = certificates.clientSettings()
        settings.serverName = "elsewhere.test"
        let answer = try await GRPCTestServer.with(try certificates.server(certificates.serverSettings(files))) {
            port in
            try await GRPCChannel.ask(port, try certificates.client(settings))
        }
        #expect(answer == .answered("nobody"))
    }

    @Test func anAddressIsCheckedAgainstTheAddressesOfTheCertificate() async throws {
        let client = try certificates.client(certificates.clientSettings())
        let good = try certificates.server(certificates.serverSettings(try certificates.issue(.server)))
        #expect(
            try await GRPCTestServer.with(good) { try await GRPCChannel.ask($0, host: "127.0.0.1", client) }.isAnswered)
        let order = certificates.order(.server, names: [.dns("localhost"), .address("127.0.0.2")])
        let other = try certificates.server(
            certificates.serverSettings(try certificates.issue(.server, name: "other", order: order)))
        let answer = try await GRPCTestServer.with(other) { try await GRPCChannel.ask($0, host: "127.0.0.1", client) }
        #expect(answer.text.contains("is not for the address that was dialled, but for localhost, 127.0.0.2"))
    }

    @Test func onlyAllowedClientsAreServed() async throws {
        let log = LogLines()
        var settings = certificates.serverSettings(try certificates.issue(.server), .require)
        settings.allowedClients = ["spiffe://test/gateway/*"]
        let good = try certificates.client(certificates.clientSettings(try certificates.issue(.client)))
        let other = try certificates.client(certificates.clientSettings(try certificates.issue(.client, .wrongName)))
        let answers = try await GRPCTestServer.with(try certificates.server(settings, log: log), log: log) { port in
            [try await GRPCChannel.ask(port, good), try await GRPCChannel.ask(port, other)]
        }
        #expect(answers.map(\.isAnswered) == [true, false])
        #expect(log.contains("info: TLS client identified"))
        #expect(log.contains("spiffe_id=spiffe://test/gateway/a"))
        #expect(log.contains("warning: Refused a TLS client names=elsewhere.test"))
    }

    @Test func aRefusedClientIsLoggedWithTheReason() async throws {
        let log = LogLines()
        try await GRPCTestServer.with(try server(.require, log: log)) { port in
            _ = try await GRPCChannel.ask(port, try client(.stranger, verify: true))
            _ = try await GRPCChannel.ask(port, try client(.nothing, verify: true))
        }
        #expect(log.contains("warning: A TLS handshake failed"))
        #expect(log.contains("(CN=client,O=Gatehouse) was issued by CN=Stranger CA,O=Gatehouse, which is not among"))
        #expect(log.contains("the client shows no certificate, and one is required"))
    }
}
