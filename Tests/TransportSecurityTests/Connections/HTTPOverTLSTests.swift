// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginFramework
import Sockets
import Testing

@testable import TransportSecurity

/// Answers with who asks; a body comes back as it is, and `/stream` in pieces.
private struct Echo: HTTPResponder {
    func respond(to request: HTTPServerRequest, on exchange: HTTP.HTTPExchange) {
        if request.path == "/stream" {
            let stream = exchange.stream(status: .ok, headers: [:])
            exchange.eventLoop.makeFutureWithTask {
                for piece in 0..<100 { try await stream.write(ByteBuffer(string: "\(piece),")) }
                stream.finish()
            }.whenFailure { _ in stream.finish() }
            return
        }
        let identity = request.peer.identity
        let who = identity.map { "\($0.subject) \(($0.dnsNames + $0.uris).joined(separator: ","))" } ?? "nobody"
        exchange.send(HTTPServerResponse(status: .ok, headers: ["who": who], body: request.body))
    }
}

/// An HTTP server over TLS in this process, and a client for it.
private func withHTTP<R: Sendable>(
    _ server: TLSServer, _ client: TLSClient, host: String = "localhost",
    // Other tests may keep the machine busy for a long time.
    handshakeTimeout: TimeAmount = .seconds(120),
    _ body: (_ client: HTTPClient, _ origin: HTTPOrigin) async throws -> R
) async throws -> R {
    let bound = AsyncStream<Int>.makeStream()
    let listener = HTTPServer(
        listeners: [try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))], responder: Echo(),
        security: .tls(server, handshakeTimeout: handshakeTimeout),
        eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
        logger: LogLines().logger,
        onListening: { addresses in
            if case .tcp(_, let port)? = addresses.first { bound.continuation.yield(port) }
        })
    let running = Task { try await listener.run() }
    let http = HTTPClient(
        security: .tls(client), eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
        logger: LogLines().logger)
    var ports = bound.stream.makeAsyncIterator()
    let result: Result<R, any Error>
    do {
        result = .success(try await body(http, HTTPOrigin(scheme: .https, host: host, port: await ports.next())))
    } catch {
        result = .failure(error)
    }
    await http.shutDown()
    running.cancel()
    _ = try? await running.value
    return try result.get()
}

extension HTTPClient {
    fileprivate func post(
        _ origin: HTTPOrigin, _ body: String = "", target: String = "/"
    ) async throws -> (
        who: String, body: String
    ) {
        let request = HTTPClientRequest(
            method: .POST, address: HTTPAddress(origin: origin, target: target), body: ByteBuffer(string: body))
        let response = try await execute(request, deadline: .now() + .seconds(120))
        return (response.headers.first(name: "who") ?? "", String(buffer: try await response.collect(upTo: 16 << 20)))
    }
}

@Suite struct HTTPOverTLSTests {
    let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    private func server(
        _ authentication: ServerTLSSettings.ClientAuthentication, _ flaw: TestCertificates.Flaw = .none,
        allowed: [String]? = nil
    ) throws -> TLSServer {
        var settings = certificates.serverSettings(try certificates.issue(.server, flaw), authentication)
        settings.allowedClients = allowed
        return try certificates.server(settings, for: .http1)
    }

    private func client(_ flaw: TestCertificates.Flaw? = nil, verify: Bool = true) throws -> TLSClient {
        let files = try flaw.map { try certificates.issue(.client, $0) }
        return try certificates.client(certificates.clientSettings(files, verify: verify), for: .http1)
    }

    @Test func requestsAreAnsweredOnConnectionsThatAreKept() async throws {
        let answers = try await withHTTP(try server(.none), try client()) { http, origin in
            var answers: [String] = []
            for number in 0..<20 { answers.append(try await http.post(origin, "\(number)").body) }
            return answers
        }
        #expect(answers == (0..<20).map { "\($0)" })
    }

    @Test func largeBodiesGoBothWaysAndStreamsArriveWhole() async throws {
        let text = String(repeating: "0123456789abcdef", count: 200_000)
        let (large, stream) = try await withHTTP(try server(.none), try client()) { http, origin in
            (try await http.post(origin, text).body, try await http.post(origin, target: "/stream").body)
        }
        #expect(large == text)
        #expect(stream == (0..<100).map { "\($0)," }.joined())
    }

    @Test func aClientsCertificateTellsWhoAsks() async throws {
        let mine = try await withHTTP(try server(.require), try client(TestCertificates.Flaw.none)) {
            try await $0.post($1).who
        }
        #expect(mine == "CN=client,O=Gatehouse gateway.test,spiffe://test/gateway/a")
        let nobody = try await withHTTP(try server(.optional), try client()) { try await $0.post($1).who }
        #expect(nobody == "nobody")
    }

    @Test func aClientThatIsNotAcceptedIsToldWhy() async throws {
        func failure(_ server: TLSServer, _ client: TLSClient, host: String = "localhost") async throws -> String {
            do {
                _ = try await withHTTP(server, client, host: host) { try await $0.post($1) }
                return ""
            } catch let error as HTTPClientError {
                return error.message
            }
        }
        #expect(try await failure(try server(.require), try client()).contains("requires a certificate"))
        #expect(try await failure(try server(.require), try client(.stranger)).contains("does not trust the authority"))
        #expect(try await failure(try server(.none, .stranger), try client()).contains("was issued by CN=Stranger CA"))
        #expect(
            try await failure(try server(.none, .wrongName), try client()).contains("is not for the name localhost"))
        #expect(try await failure(try server(.none, .wrongName), try client(verify: false)) == "")
        let allowed = ["spiffe://test/gateway/*"]
        #expect(try await failure(try server(.require, allowed: allowed), try client(.wrongName)) != "")
        #expect(try await failure(try server(.require, allowed: allowed), try client(TestCertificates.Flaw.none)) == "")
    }

    @Test func aClientThatDoesNotBeginIsLetGo() async throws {
        let server = try server(.none)
        let closed = try await withHTTP(server, try client(), handshakeTimeout: .milliseconds(50)) { _, origin in
            let silent = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: origin.port).get()
            try await silent.closeFuture.get()
            return true
        }
        #expect(closed)
    }

    @Test func aServerOfGRPCTellsThatItIsNoneOfHTTP() async throws {
        let settings = certificates.serverSettings(try certificates.issue(.server))
        let client = try client()
        let message = try await GRPCTestServer.with(try certificates.server(settings)) { port in
            let http = HTTPClient(
                security: .tls(client), eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
                logger: LogLines().logger)
            let answer = try await http.post(HTTPOrigin(scheme: .https, host: "localhost", port: port))
            await http.shutDown()
            return answer.body
        }
        #expect(message.contains("This is a gRPC server"))
    }
}
