// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing
import Values

/// A server of the transport of 2024-11-05: one stream for each session, and an endpoint that messages are posted to.
final class OlderServer: Sendable {
    private struct State {
        var streams: [HTTPResponseStream] = []
        var posted: [String] = []
    }

    private let endpoint: String
    private let refusal: HTTPResponseStatus
    private let state = Mutex(State())

    /// Makes a server that names this endpoint, and refuses messages at the address of its stream like this.
    init(endpoint: String = "/messages", refusal: HTTPResponseStatus = .methodNotAllowed) {
        self.endpoint = endpoint
        self.refusal = refusal
    }

    /// The methods that were posted to the endpoint.
    var posted: [String] { state.withLock { $0.posted } }

    /// How many streams are open.
    var openStreams: Int { state.withLock { $0.streams.filter { !$0.isClosed }.count } }

    func endStreams() {
        for stream in state.withLock({ $0.streams }) { stream.finish() }
    }

    /// Serves while the closure runs.
    func with(_ body: @escaping @Sendable (String, HTTPClient) async throws -> Void) async throws {
        try await RawMCPServer.with({ [self] request, message, exchange in serve(request, message, exchange) }, body)
    }

    /// Connects a client of ours.
    static func connect(
        _ url: String, _ http: HTTPClient, _ transport: MCPHTTPTransport,
        handler: any MCPClientHandler = IgnoringClientHandler()
    ) async throws(MCPClientError) -> MCPClient {
        var settings = MCPHTTPClientSettings(url: url)
        settings.transport = transport
        return try await MCPClient.connect(
            .http(settings), info: ["name": "test", "version": "1"], handler: handler, httpClient: http,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: HTTPTestServer.logger)
    }

    private func serve(_ request: HTTPServerRequest, _ message: Value, _ exchange: HTTPExchange) {
        switch (request.method, request.path) {
        case (.GET, "/mcp"):
            let stream = exchange.stream(status: .ok, headers: ["content-type": "text/event-stream"])
            state.withLock { $0.streams.append(stream) }
            exchange.onClose { stream.finish() }
            send("endpoint", endpoint)
        case (.POST, "/messages"):
            take(message, exchange)
        default:
            exchange.send(HTTPServerResponse(status: request.method == .POST ? refusal : .notFound))
        }
    }

    private func send(_ event: String, _ data: String) {
        var buffer = ByteBuffer()
        ServerSentEvent(event: event, data: ByteBuffer(string: data)).write(into: &buffer)
        let stream = state.withLock { $0.streams.last }
        try? stream?.writeNow(buffer)
    }

    private func take(_ message: Value, _ exchange: HTTPExchange) {
        let method = message["method"]?.stringValue ?? "answer"
        state.withLock { $0.posted.append(method) }
        guard method != "forget" else { return exchange.send(HTTPServerResponse(status: .notFound)) }
        exchange.send(HTTPServerResponse(status: .accepted))
        func answer(_ result: Value, id: Value? = nil) {
            send("message", #"{"jsonrpc":"2.0","id":\#(id ?? message["id"] ?? nil),"result":\#(result)}"#)
        }
        switch method {
        case "initialize":
            answer([
                "protocolVersion": "2024-11-05", "capabilities": [:], "serverInfo": ["name": "older", "version": "1"],
            ])
        case "echo": answer(["echoed": message["params"] ?? nil])
        case "fail":
            send(
                "message",
                #"{"jsonrpc":"2.0","id":\#(message["id"] ?? nil),"error":{"code":-5,"message":"as asked"}}"#)
        case "progress":
            let token = message["params"]?["_meta"]?["progressToken"] ?? nil
            send(
                "message",
                #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(token),"progress":1}}"#
            )
            send("message", #"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#)
            answer([:])
        case "ask":
            // Its own id is that of the call, so that the answer tells which one it is for.
            send("message", #"{"jsonrpc":"2.0","id":\#(message["id"] ?? nil),"method":"elicitation/create"}"#)
        case "answer": answer(["answer": message["result"] ?? nil])
        default: break
        }
    }
}
