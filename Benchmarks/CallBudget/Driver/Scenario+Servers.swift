// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Values

extension Scenario {
    /// Servers, whole: one connection on a Unix socket, one request after the other.
    static let servers = [
        Scenario(name: "http-request") {
            let request = post(
                #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#,
                session: "3c59dc04-8e88-4a5c-9d38-7b0a1c2f9e11")
            let client = try LocalServer.serve(EchoResponder())
            // What is counted is the server: how long its answers are, the client finds out once.
            try client.exchange(request, length: httpLength)
            let length = client.answer.count
            return {
                try client.exchange(request) { _ in length }
                try expect(client.answer.starts(with: "HTTP/1.1 200".utf8), "the answer is not 200")
            }
        },
        Scenario(name: "mcp-tools-call") {
            let request = post(
                #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}"#,
                session: nil)
            let endpoint = StreamableHTTPServer(
                application: EchoTool(isStateless: true), eventLoopGroup: LocalServer.group, logger: LocalServer.logger)
            let client = try LocalServer.serve(endpoint)
            // What is counted is the server: how long its answers are, the client finds out once.
            try client.exchange(request, length: httpLength)
            let length = client.answer.count
            return {
                try client.exchange(request) { _ in length }
                try expect(client.answer.starts(with: "HTTP/1.1 200".utf8), "the answer is not 200")
                try expect(client.answer.suffix(60).contains(UInt8(ascii: "h")), "the answer is not the tool's")
            }
        },
        Scenario(name: "mcp-modern-call") {
            let endpoint = StreamableHTTPServer(
                application: EchoTool(eras: [.handshake, .modern]), eventLoopGroup: LocalServer.group,
                logger: LocalServer.logger)
            return try repeated(modernCall("echo"), try LocalServer.serve(endpoint))
        },
    ]

    /// The same call again and again, whose answer has the text that the tool was given.
    static func repeated(_ request: [UInt8], _ client: PingPong) throws -> @Sendable () async throws -> Void {
        // What is counted is the server: how long its answers are, and where the text is, the client finds out once.
        try client.exchange(request, length: httpLength)
        let length = client.answer.count
        guard let text = client.answer.firstRange(of: "hello".utf8)?.lowerBound else {
            throw WrongOutcome(
                description: "the answer is not the tool's: \(String(decoding: client.answer, as: UTF8.self))")
        }
        return {
            try client.exchange(request) { _ in length }
            try expect(client.answer.starts(with: "HTTP/1.1 200".utf8), "the answer is not 200")
            try expect(client.answer[text...].starts(with: "hello".utf8), "the answer is not the tool's")
        }
    }

    /// A call of revision 2026-07-28, as our gateway sends it.
    static func modernCall(_ tool: String) -> [UInt8] {
        let body =
            #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"\#(tool)","#
            + #""arguments":{"text":"hello"},"_meta":{"#
            + #""io.modelcontextprotocol/protocolVersion":"2026-07-28","#
            + #""io.modelcontextprotocol/clientInfo":{"name":"budget","version":"1"},"#
            + #""io.modelcontextprotocol/clientCapabilities":{}}}}"#
        let head =
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            + "accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n"
            + "mcp-method: tools/call\r\nmcp-name: \(tool)\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
        return Array((head + body).utf8)
    }

    static func post(_ body: String, session: String?) -> [UInt8] {
        let session = session.map { "mcp-session-id: \($0)\r\n" } ?? ""
        let head =
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            + "accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n\(session)"
            + "content-length: \(body.utf8.count)\r\n\r\n"
        return Array((head + body).utf8)
    }

    /// How long an answer with a `content-length` is; nil until its head is there.
    static func httpLength(_ bytes: [UInt8]) -> Int? {
        guard let end = bytes.firstRange(of: "\r\n\r\n".utf8)?.upperBound else { return nil }
        let head = bytes[..<end]
        guard let name = head.firstRange(of: "content-length: ".utf8)?.upperBound else { return nil }
        var length = 0
        for digit in head[name...].prefix(while: { $0 != UInt8(ascii: "\r") }) {
            length = length * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return end + length
    }
}

/// Answers every request with its own body.
private struct EchoResponder: HTTPResponder {
    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        exchange.send(
            HTTPServerResponse(status: .ok, headers: ["content-type": "application/json"], body: request.body))
    }
}

/// An MCP server of one tool, which answers with its arguments.
struct EchoTool: MCPServerApplication {
    var isStateless = false
    var eras: Set<ProtocolEra> = [.handshake]
    var serverInfo: ValueObject { ["name": "echo", "version": "1"] }

    func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer {
        InitializeAnswer(capabilities: ["tools": [:]], serverInfo: serverInfo)
    }

    func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer {
        InitializeAnswer(capabilities: ["tools": [:]], serverInfo: serverInfo)
    }

    func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        if call.method.hasSameBytes(as: "tools/list") {
            return Document(["tools": [["name": "echo", "inputSchema": ["type": "object"]]]])
        }
        guard let text = call.params?["arguments"]?["text"] else { throw .invalidParams("text is missing") }
        return Document(["content": [["type": "text", "text": text]]])
    }
}

/// A server for as long as the process runs, and a client that is connected to it.
enum LocalServer {
    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    static let logger = Logger(label: "budget", factory: { _ in SwiftLogNoOpLogHandler() })

    static func serve(_ responder: some HTTPResponder) throws -> PingPong {
        let path = "/tmp/call-budget-\(getpid()).sock"
        let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: path)))
        let server = HTTPServer(
            listeners: [listener], responder: responder, eventLoopGroup: group, budget: ByteBudget(), logger: logger)
        // Ended by the end of the process, which has nothing else to do.
        Task { try await server.run() }
        defer { unlink(path) }
        return try PingPong(path: path)
    }
}
