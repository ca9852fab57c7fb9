// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import NIOCore
import NIOPosix
import PluginFramework
import Sockets
import Testing
import Values

@testable import TransportSecurity

/// What a plugin on a plugin server knows of its caller, over gRPC.
@Suite struct GRPCCallerTests {
    let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    /// Asks the plugin who we are, with the product's client and server.
    private func ask(
        _ authentication: ServerTLSSettings.ClientAuthentication, _ settings: ClientTLSSettings
    ) async throws -> ValueObject {
        let security = try certificates.server(
            certificates.serverSettings(try certificates.issue(.server), authentication))
        let logger = LogLines().logger
        let host = try await PluginHost.load(
            [PluginEntry(name: "Who", kind: "Who")], registry: PluginRegistry([Who.self]), logger: logger)
        let endpoint = try PluginGRPCEndpoint(service: host)
        let bound = AsyncStream<Int>.makeStream()
        let server = try GRPCServer(
            listeners: [ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))], methods: endpoint.methods,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: logger,
            prepareChannel: { try security.prepare($0) },
            onListening: { addresses in
                if case .tcp(_, let port)? = addresses.first { bound.continuation.yield(port) }
            })
        let running = Task { try await server.run() }
        await endpoint.publishHealth()
        var ports = bound.stream.makeAsyncIterator()
        var entry = PluginEntry(name: "Who", kind: "external")
        var target = ExternalPluginSettings.GRPCTarget()
        target.target = "localhost:\(await ports.next() ?? 0)"
        target.tls = settings
        entry.external = .grpc(target)
        var configuration = GRPCChannelConfiguration()
        configuration.connectTimeout = .seconds(60)
        let invoker = try GRPCPluginConnector(
            configuration: configuration, eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
            logger: logger
        ).invoker(for: entry)
        await invoker.start(patience: .seconds(120))
        let answer = await invoker.invoke(MCPTestServer.invocation)
        await invoker.shutDown()
        running.cancel()
        _ = try? await running.value
        await host.shutdown()
        return try answer.outcome.get().metadata
    }

    @Test func aPluginKnowsItsCallerByAllNamesOfTheCertificate() async throws {
        let metadata = try await ask(.require, certificates.clientSettings(try certificates.issue(.client)))
        #expect(metadata["subject"] == "CN=client,O=Gatehouse")
        #expect(metadata["dns"] == ["gateway.test"])
        #expect(metadata["spiffe"] == "spiffe://test/gateway/a")
    }

    @Test func aCallerWithoutACertificateIsNobody() async throws {
        #expect(try await ask(.optional, certificates.clientSettings())["subject"] == "nobody")
    }
}
