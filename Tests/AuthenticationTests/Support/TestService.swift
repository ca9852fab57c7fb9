// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Sockets
import Synchronization

@testable import Authentication

/// A server on a port that the kernel picks, which answers as a test says, and a client for it.
final class TestService: HTTPResponder {
    typealias Answer = @Sendable (HTTPServerRequest) -> HTTPServerResponse

    let requests = Mutex<[HTTPServerRequest]>([])
    private let answer: Answer

    private init(_ answer: @escaping Answer) { self.answer = answer }

    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        requests.withLock { $0.append(request) }
        exchange.send(answer(request))
    }

    /// Runs a server while the body runs.
    static func run<Outcome: Sendable>(
        answering answer: @escaping Answer,
        _ body: @escaping @Sendable (TestService, _ base: String, SecureClient) async throws -> Outcome
    ) async throws -> Outcome {
        let group = MultiThreadedEventLoopGroup.singleton
        let logger = Logger(label: "test")
        let budget = ByteBudget()
        let responder = TestService(answer)
        let listener = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))
        let base = "http://\(listener.addresses[0])"
        let server = HTTPServer(
            listeners: [listener], responder: responder, eventLoopGroup: group, budget: budget, logger: logger)
        let client = HTTPClient(eventLoopGroup: group, budget: budget, logger: logger)
        return try await withThrowingTaskGroup(of: Outcome?.self) { tasks in
            tasks.addTask {
                try await server.run()
                return nil
            }
            tasks.addTask { try await body(responder, base, SecureClient(client)) }
            defer { tasks.cancelAll() }
            let outcome: Outcome
            do {
                guard let first = try await tasks.next(), let value = first else { throw CancellationError() }
                outcome = value
            } catch {
                await client.shutDown()
                throw error
            }
            await client.shutDown()
            return outcome
        }
    }
}

extension HTTPServerResponse {
    static func json(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPServerResponse {
        HTTPServerResponse(
            status: status, headers: ["content-type": "application/json"], body: ByteBuffer(string: text))
    }
}
