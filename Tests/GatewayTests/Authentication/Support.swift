// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTP
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginFramework
import Sockets
import Synchronization
import Values

@testable import Gateway

/// An issuer of signed tokens, and what its tokens say.
enum TestIssuer {
    static let secret = "an-HS256-secret-of-more-than-32-bytes"
    static let name = "https://idp.example.com"
    static let audience = "https://gw.example.com/mcp"

    static var settings: GatewayTokenIssuer {
        GatewayTokenIssuer(name: name, audiences: [audience], keys: .secret(secret))
    }

    /// A token, with some claims replaced (null: left out).
    static func token(
        _ changes: ValueObject = [:], header: Value = ["alg": "HS256"], secret: String = secret
    ) -> String {
        var claims: ValueObject = [
            "iss": .string(name), "aud": .string(audience), "sub": "alice", "exp": 4_000_000_000,
        ]
        claims.merge(changes)
        let kept = ValueObject(claims.filter { !$0.value.isNull }.map { ($0.key, $0.value) })
        let signed = "\(encode(header.description.utf8)).\(encode(Value.object(kept).description.utf8))"
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(signed.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        return "\(signed).\(encode(code))"
    }

    static func encode(_ bytes: some Sequence<UInt8>) -> String { Base64.url.encode(bytes) }
}

/// An answer to a request, in full.
struct TestAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: String

    var challenge: String? { headers.first(name: "www-authenticate") }
}

extension TestGateway {
    static let initialize =
        #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#

    /// Posts a message, with a token if one is given.
    func post(
        _ path: String = "/mcp", token: String? = nil, headers further: [(String, String)] = [],
        body: String = initialize
    ) async throws -> TestAnswer {
        var headers: HTTPHeaders = [
            "content-type": "application/json", "accept": "application/json, text/event-stream",
        ]
        if let token { headers.add(name: "authorization", value: "Bearer \(token)") }
        for (name, value) in further { headers.add(name: name, value: value) }
        let address = try HTTPAddress("http://localhost\(path)", unixSocket: folder.socket("gateway"))
        let response = try await http.execute(
            HTTPClientRequest(method: .POST, address: address, headers: headers, body: ByteBuffer(string: body)),
            deadline: .now() + .seconds(60))
        let answer = try await response.collect(upTo: 1 << 20)
        return TestAnswer(
            status: Int(response.status.code), headers: response.headers, body: String(buffer: answer))
    }
}

/// A server on a loopback port that the kernel picks, which answers as a test says.
final class TestWebService: HTTPResponder {
    typealias Answer = @Sendable (HTTPServerRequest) -> HTTPServerResponse

    private let answer: Answer
    private let noted = Mutex<[HTTPServerRequest]>([])

    private init(_ answer: @escaping Answer) { self.answer = answer }

    var requests: [HTTPServerRequest] { noted.withLock { $0 } }

    func respond(to request: HTTPServerRequest, on exchange: HTTP.HTTPExchange) {
        noted.withLock { $0.append(request) }
        exchange.send(answer(request))
    }

    /// Runs a server while the body runs.
    static func with<Result: Sendable>(
        _ answer: @escaping Answer, _ body: @Sendable (TestWebService, _ base: String) async throws -> Result
    ) async throws -> Result {
        let service = TestWebService(answer)
        let listener = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))
        let server = HTTPServer(
            listeners: [listener], responder: service, eventLoopGroup: TestGateway.group, budget: ByteBudget(),
            logger: .quiet)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { do { try await server.run() } catch is CancellationError {} }
            defer { tasks.cancelAll() }
            return try await body(service, "http://\(listener.addresses[0])")
        }
    }
}
