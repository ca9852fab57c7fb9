// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing
import Values

/// Our client with servers of the transport of 2024-11-05.
@Suite struct SSEClientTests {
    @Test(arguments: [MCPHTTPTransport.sse, .any])
    func aSessionOverOneStream(_ transport: MCPHTTPTransport) async throws {
        let server = OlderServer()
        try await server.with { url, http in
            let handler = NotingHandler()
            let client = try await OlderServer.connect(url, http, transport, handler: handler)
            #expect(client.keepsState)
            #expect(client.server.serverInfo["name"] == "older")
            #expect(try await client.request("echo", Document(object: ["x": 1]))["echoed"] == ["x": 1])
            await #expect(throws: MCPClientError.rpc(JSONRPCError(code: -5, message: "as asked"))) {
                try await client.request("fail")
            }
            // Progress goes to the request whose token it has, log messages to the handler.
            let heard = Mutex<[Value]>([])
            var options = MCPRequestOptions()
            options.onNotification = { _, params in heard.withLock { $0.append(params?["progressToken"] ?? nil) } }
            let params = Document(object: ["_meta": ["progressToken": "mine"]])
            _ = try await client.request("progress", params, options: options)
            #expect(heard.withLock { $0 } == ["mine"])
            try await eventually { handler.notifications.map(\.0) == ["notifications/message"] }
            // A request of the server is answered by a POST.
            #expect(try await client.request("ask")["answer"]?["action"] == "accept")
            await client.close()
            try await eventually("the stream is closed with the session") { server.openStreams == 0 }
            #expect(server.posted.contains { $0 == "notifications/initialized" })
        }
    }

    @Test func theFallbackIsOnlyForWhatTheRuleNames() async throws {
        for (status, falls) in [(400, true), (404, true), (405, true), (401, false), (403, false), (500, false)] {
            let server = OlderServer(refusal: HTTPResponseStatus(statusCode: status))
            try await server.with { url, http in
                let client = try? await OlderServer.connect(url, http, .any)
                #expect((client != nil) == falls, "\(status)")
                await client?.close()
            }
        }
        let server = OlderServer()
        try await server.with { url, http in
            await #expect(throws: MCPClientError.self) { try await OlderServer.connect(url, http, .streamable) }
        }
    }

    @Test func aServerThatSpeaksNeitherIsToldByItsFirstRefusal() async throws {
        try await RawMCPServer.with { request, _, exchange in
            exchange.send(HTTPServerResponse(status: request.method == .POST ? .notFound : .badGateway))
        } _: { url, http in
            do {
                _ = try await RawMCPServer.connect(url, http)
                Issue.record("there is no server")
            } catch {
                #expect("\(error)".contains("404"))
            }
        }
    }

    @Test(arguments: [
        ("http://evil.example.com/messages", false), ("//evil.example.com/messages", false),
        ("https://127.0.0.1/messages", false), ("http://127.0.0.1:1/messages", false), ("javascript:alert(1)", false),
        ("http://user@127.0.0.1/messages", false), ("/mess ages", false), ("", false), ("/messages", true),
        ("messages", true), ("./messages?s=1#x", true), ("../../messages", true), ("/a/./../messages?s=2", true),
    ])
    func messagesGoToNobodyElse(_ endpoint: String, _ isTaken: Bool) async throws {
        let server = OlderServer(endpoint: endpoint)
        try await server.with { url, http in
            do {
                let client = try await OlderServer.connect(url, http, .sse)
                #expect(isTaken, "\(endpoint)")
                await client.close()
            } catch {
                #expect(!isTaken, "\(error)")
                #expect(server.posted.isEmpty)
            }
        }
    }

    @Test func theEndOfTheStreamIsTheEndOfTheSession() async throws {
        let server = OlderServer()
        try await server.with { url, http in
            let client = try await OlderServer.connect(url, http, .sse)
            let hanging = Task { try await client.request("hang") }
            try await eventually { server.posted.contains("hang") }
            server.endStreams()
            await #expect(throws: MCPClientError.self) { try await hanging.value }
            #expect(await client.waitForEnd()?.contains("ended its stream") == true)
            await client.close()
        }
    }

    @Test func aSilentServerIsATimeoutAndAForgottenSessionALoss() async throws {
        let server = OlderServer()
        try await server.with { url, http in
            let client = try await OlderServer.connect(url, http, .sse)
            do throws(MCPClientError) {
                _ = try await client.request("hang", options: MCPRequestOptions(timeout: .milliseconds(50)))
                Issue.record("nobody answers")
            } catch {
                guard case .timeout = error else { throw error }
            }
            try await eventually { server.posted.contains("notifications/cancelled") }
            do throws(MCPClientError) {
                _ = try await client.request("forget")
                Issue.record("the session is gone")
            } catch {
                guard case .sessionLost = error else { throw error }
            }
            await client.close()
        }
    }

    @Test(arguments: ["data: /messages\n\n", "event: message\ndata: {}\n\n", ""])
    func aStreamThatBeginsOtherwiseIsNone(_ text: String) async throws {
        try await RawMCPServer.with { _, _, exchange in
            RawMCPServer.events(exchange, text)
        } _: { url, http in
            await #expect(throws: MCPClientError.self) { try await OlderServer.connect(url, http, .sse) }
        }
    }
}
