// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing
import Values

/// An HTTP server that answers messages as a test says: for what a server of ours would never do.
struct RawMCPServer: HTTPResponder {
    /// What to answer a message with; the message is null for a GET or DELETE.
    let answer: @Sendable (HTTPServerRequest, Value, HTTPExchange) -> Void

    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        answer(request, (try? JSONParser.decode(Array(buffer: request.body))) ?? .null, exchange)
    }

    /// Serves while the closure runs.
    static func with(
        _ answer: @escaping @Sendable (HTTPServerRequest, Value, HTTPExchange) -> Void,
        _ body: @escaping @Sendable (String, HTTPClient) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (addresses, found) = AsyncStream.makeStream(of: ListenAddress.self)
        let server = HTTPServer(
            listeners: [try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))],
            responder: RawMCPServer(answer: answer), eventLoopGroup: group, budget: ByteBudget(),
            logger: HTTPTestServer.logger, onListening: { for address in $0 { found.yield(address) } })
        let http = HTTPClient(eventLoopGroup: group, budget: ByteBudget(), logger: HTTPTestServer.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            var iterator = addresses.makeAsyncIterator()
            let address = try #require(await iterator.next())
            do {
                try await body("http://\(address)/mcp", http)
            } catch {
                await http.shutDown()
                tasks.cancelAll()
                throw error
            }
            await http.shutDown()
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    /// Connects a client of ours.
    static func connect(
        _ url: String, _ http: HTTPClient, opensStream: Bool = false,
        handler: any MCPClientHandler = IgnoringClientHandler()
    ) async throws(MCPClientError) -> MCPClient {
        var settings = MCPHTTPClientSettings(url: url)
        settings.opensStream = opensStream
        return try await MCPClient.connect(
            .http(settings), info: ["name": "test", "version": "1"], handler: handler, httpClient: http,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: HTTPTestServer.logger)
    }

    /// Answers what belongs to the lifecycle as a good server does; false for everything else.
    static func answersLifecycle(
        _ request: HTTPServerRequest, _ message: Value, _ exchange: HTTPExchange, version: String = "2025-11-25"
    ) -> Bool {
        switch (request.method, message["method"]?.stringValue) {
        case (.POST, "initialize"):
            json(
                exchange,
                #"{"jsonrpc":"2.0","id":\#(message["id"] ?? nil),"result":{"protocolVersion":"\#(version)","#
                    + #""capabilities":{},"serverInfo":{"name":"raw","version":"1"}}}"#,
                headers: ["mcp-session-id": "raw-session"])
        case (.POST, let method?) where method.hasPrefix("notifications/"):
            exchange.send(HTTPServerResponse(status: .accepted))
        case (.DELETE, _): exchange.send(HTTPServerResponse(status: .noContent))
        case (.GET, _) where request.headers.first(name: "last-event-id") == nil:
            exchange.send(HTTPServerResponse(status: .methodNotAllowed))
        default: return false
        }
        return true
    }

    static func json(
        _ exchange: HTTPExchange, _ text: String, status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]
    ) {
        var headers = headers
        headers.add(name: "content-type", value: "application/json")
        exchange.send(HTTPServerResponse(status: status, headers: headers, body: ByteBuffer(string: text)))
    }

    static func events(_ exchange: HTTPExchange, _ text: String) {
        exchange.send(
            HTTPServerResponse(
                status: .ok, headers: ["content-type": "text/event-stream"], body: ByteBuffer(string: text)))
    }
}

/// Notes what a client hands it, and answers requests of the server.
final class NotingHandler: MCPClientHandler {
    private let state = Mutex<[(String, Value)]>([])

    var notifications: [(String, Value)] { state.withLock { $0 } }

    func notification(_ method: String, _ params: Document?) async {
        state.withLock { $0.append((method, params?.value ?? nil)) }
    }

    func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
        guard method == "elicitation/create" else { throw .methodNotFound(method) }
        return Document(object: ["action": "accept", "asked": params?.value ?? nil])
    }
}
