// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing
import Values

/// Our client in revision 2026-07-28, and how it finds out who speaks it.
@Suite struct ModernClientTests {
    // MARK: Eras

    @Test func aServerOfBothErasIsSpokenToWithoutASession() async throws {
        let application = ModernApplication()
        try await HTTPTestServer.with(application) { server in
            let memory = MCPEraMemory()
            let client = try await ModernClient.connect("\(server.address)", server.http, mode: .auto(memory))
            #expect(client.server.revision == .v2026_07_28 && memory.era == .modern && !client.keepsState)
            #expect(client.server.serverInfo["name"] == "modern" && client.server.capabilities["tools"] == [:])
            await client.close()
        }
        #expect(application.noted.withLock { $0.sessions } == 0)
    }

    @Test func nobodyElsesHeadersTakeThePlaceOfThoseThatRepeatTheBody() async throws {
        let seen = HeaderRecorder()
        try await HTTPTestServer.with(ModernApplication(), admission: seen) { server in
            let client = try await ModernClient.connect("\(server.address)", server.http)
            var options = MCPRequestOptions()
            options.headers = [("MCP-Method", "other"), ("Mcp-Name", "other"), ("x-mine", "1")]
            for _ in 1...2 {
                _ = try await client.request("tools/call", Document(["name": "echo"]), options: options)
                let headers = try #require(seen.last(of: "tools/call"))
                #expect(headers["mcp-method"] == ["tools/call"] && headers["mcp-name"] == ["echo"])
                #expect(headers["x-mine"] == ["1"])
                // Another method, and nothing of the one before.
                _ = try await client.request("tools/list")
                let others = try #require(seen.last(of: "tools/list"))
                #expect(others["mcp-method"] == ["tools/list"] && others["mcp-name"] == [] && others["x-mine"] == [])
            }
            await client.close()
        }
    }

    @Test func aServerOfTheHandshakeRevisionsGetsInitializeAndTheNextTimeFirst() async throws {
        let seen = HeaderRecorder()
        try await HTTPTestServer.with(ScriptedApplication(), admission: seen) { server in
            let memory = MCPEraMemory()
            for _ in 1...2 {
                let client = try await ModernClient.connect("\(server.address)", server.http, mode: .auto(memory))
                #expect(client.server.revision == .v2025_11_25 && memory.era == .handshake)
                #expect(seen.last(of: "initialize")?.first(name: "mcp-protocol-version") == nil)
                #expect(try await client.request("echo").value == ["params": nil])
                await client.close()
            }
            #expect(seen.bodies.filter { $0["method"] == "server/discover" }.count == 1)
        }
    }

    @Test(arguments: [
        (400, ""), (404, "not found"), (405, ""), (406, ""), (500, "oops"), (501, ""),
        (400, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no session"}}"#),
        (200, #"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown"}}"#),
        (200, #"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25"]}}"#),
        (
            400,
            #"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":["2025-06-18"],"requested":""}}}"#
        ),
    ])
    func whoeverDoesNotKnowTheQuestionIsAskedForASession(_ status: Int, _ body: String) async throws {
        try await RawMCPServer.with { request, message, exchange in
            if message["method"] == "server/discover" {
                return RawMCPServer.json(exchange, body, status: HTTPResponseStatus(statusCode: status))
            }
            _ = RawMCPServer.answersLifecycle(request, message, exchange)
        } _: { url, http in
            let client = try await ModernClient.connect(url, http, mode: .auto())
            #expect(client.server.revision == .v2025_11_25)
            await client.close()
        }
    }

    /// Whom a proxy cannot reach, whoever is asked too often, wants to know who asks, or does not speak MCP, has not said how old it is.
    @Test(arguments: [
        (401, ""), (403, "no"), (407, ""), (408, ""), (429, "slow down"), (502, "bad gateway"), (503, ""), (504, ""),
        (200, "<html>Welcome</html>"), (200, ""),
    ])
    func whoSaysNothingOfRevisionsIsNotAskedForASession(_ status: Int, _ body: String) async throws {
        let asked = Mutex<[Value]>([])
        try await RawMCPServer.with { _, message, exchange in
            asked.withLock { $0.append(message["method"] ?? nil) }
            RawMCPServer.json(exchange, body, status: HTTPResponseStatus(statusCode: status))
        } _: { url, http in
            let memory = MCPEraMemory()
            guard
                case .transport(let text) = await error({
                    _ = try await ModernClient.connect(url, http, mode: .auto(memory))
                })
            else {
                Issue.record("\(status) is no failure of the way to a server")
                return
            }
            #expect(status == 200 || text.contains("\(status)"), "\(text)")
            #expect(memory.era == nil)
        }
        let methods = asked.withLock { $0 }
        #expect(methods == ["server/discover"])
    }

    @Test func aServerOfLaterRevisionsAloneIsNotAskedForASession() async throws {
        let initialized = Atomic<Bool>(false)
        try await RawMCPServer.with { _, message, exchange in
            if message["method"] == "initialize" { initialized.store(true, ordering: .relaxed) }
            let id = message["id"] ?? nil
            RawMCPServer.json(
                exchange,
                #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":-32022,"message":"","data":{"supported":["2099-01-01"]}}}"#,
                status: .badRequest)
        } _: { url, http in
            guard case .transport = await error({ _ = try await ModernClient.connect(url, http, mode: .auto()) }) else {
                Issue.record("there is a client of a server that speaks nothing it knows")
                return
            }
        }
        let wasAsked = initialized.load(ordering: .relaxed)
        #expect(!wasAsked)
    }

    // MARK: Requests

    @Test func requestsSayWhatTheyNeedAndKeepWhatTheCallerSays() async throws {
        let seen = HeaderRecorder()
        try await HTTPTestServer.with(ModernApplication(), admission: seen) { server in
            let client = try await ModernClient.connect(
                "\(server.address)", server.http, mode: .modern, capabilities: ["roots": [:]])
            let params = Document(object: [
                "name": "ä", "_meta": ["x": 1, "io.modelcontextprotocol/clientCapabilities": ["forged": [:]]],
            ])
            let result = try await client.request("tools/call", params)
            #expect(result["client"] == ["roots": [:]] && result["info"]?["name"] == "test")
            #expect(result["params"]?["_meta"]?["x"] == 1)
            #expect(seen.last(of: "tools/call")?.first(name: "mcp-name") == "=?base64?w6Q=?=")
            var options = MCPRequestOptions()
            options.clientCapabilities = ["sampling": [:]]
            let other = try await client.request("tools/call", Document(object: ["name": "echo"]), options: options)
            #expect(other["client"] == ["sampling": [:]])
            await client.close()
            #expect(seen.bodies.allSatisfy { $0["id"] != nil }, "no notification is sent over HTTP")
            #expect(seen.count(.GET) == 0 && seen.count(.DELETE) == 0)
        }
    }

    @Test func questionsAreAnsweredAndTheRequestIsMadeAgain() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let client = try await ModernClient.connect(
                "\(server.address)", server.http, mode: .modern, capabilities: ["elicitation": [:]],
                handler: NotingHandler())
            let ask = Document(object: ["name": "ask"])
            let result = try await client.request("tools/call", ask)
            #expect(result["answers"]?["q"]?["action"] == "accept" && result["state"] == "exact ä")
            var options = MCPRequestOptions()
            options.onRequest = { method, _ throws(JSONRPCError) in throw .methodNotFound(method) }
            #expect(
                await error { _ = try await client.request("tools/call", ask, options: options) }
                    == .rpc(.methodNotFound("elicitation/create")))
            options.inputRequired = .returned
            let asked = try await client.request("tools/call", ask, options: options)
            #expect(try MCPInputRequired(asked)?.state == "exact ä")
            options.inputRequired = .answered(rounds: 2)
            let insist = Document(object: ["name": "insist"])
            guard
                case .transport = await error({
                    _ = try await client.request("tools/call", insist, options: options)
                })
            else {
                Issue.record("the server may ask for ever")
                return
            }
            await client.close()
        }
    }

    @Test func aResultOfAnUnknownTypeIsAnError() async throws {
        try await RawMCPServer.with { _, message, exchange in
            let id = message["id"] ?? nil
            let result =
                message["method"] == "server/discover"
                ? #"{"supportedVersions":["2026-07-28"],"capabilities":{}}"# : #"{"resultType":"riddle"}"#
            RawMCPServer.json(exchange, #"{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}"#)
        } _: { url, http in
            let client = try await ModernClient.connect(url, http, mode: .auto())
            guard case .transport = await error({ _ = try await client.request("tools/list") }) else {
                Issue.record("a riddle was taken for an answer")
                return
            }
            await client.close()
        }
    }

    @Test func cancellingARequestClosesItsStreamAndSendsNothing() async throws {
        let application = ModernApplication()
        let seen = HeaderRecorder()
        try await HTTPTestServer.with(application, admission: seen) { server in
            let client = try await ModernClient.connect("\(server.address)", server.http, mode: .modern)
            let call = Task {
                await error { _ = try await client.request("tools/call", Document(object: ["name": "wait"])) }
            }
            try await eventually { application.noted.withLock { $0.startedWaits } == 1 }
            call.cancel()
            #expect(await call.value == .cancelled)
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            await client.close()
            #expect(!seen.bodies.contains { $0["method"] == "notifications/cancelled" })
        }
    }

    // MARK: Streams of notifications

    @Test func aStreamIsOpenedAgainAfterItsLossAndEndsWhenItIsClosed() async throws {
        let application = ModernApplication()
        try await HTTPTestServer.with(application) { server in
            let client = try await ModernClient.connect("\(server.address)", server.http, mode: .modern)
            let heard = Mutex<[String]>([])
            var filter = MCPSubscriptionFilter()
            filter.toolsListChanged = true
            let listener = try client.listen(to: filter) { [filter] event in
                heard.withLock { heard in
                    switch event {
                    case .acknowledged(let granted, let isFirst): heard.append("\(granted == filter) \(isFirst)")
                    case .notification(let method, _): heard.append(method)
                    case .ended(let error): heard.append("ended \(error == nil)")
                    }
                }
            }
            try await eventually { heard.withLock { $0 } == ["true true"] }
            try await eventually { application.noted.withLock { $0.subscriptions.count } == 1 }
            application.tell(MCPMethod.toolsChanged)
            try await eventually { heard.withLock { $0.last } == MCPMethod.toolsChanged }
            // The server ends the stream; its client comes back.
            application.noted.withLock { $0.endsUpTo = 1 }
            try await eventually { heard.withLock { $0.last } == "true false" }
            listener.close()
            try await eventually { heard.withLock { $0.last } == "ended true" }
            try await eventually { application.noted.withLock { $0.endedSubscriptions } == 2 }
            await client.close()
        }
    }

    @Test func aSessionOfTheHandshakeRevisionsHasNoSuchStream() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let client = try await server.connect()
            guard case .transport = await error({ _ = try client.listen(to: MCPSubscriptionFilter()) { _ in } }) else {
                Issue.record("there is a stream")
                return
            }
            await client.close()
        }
    }

    // MARK: Programs

    @Test func aProgramThatEndsAtTheQuestionIsStartedAgain() async throws {
        let answer =
            #"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}"#
        let script =
            "read line; case \"$line\" in *discover*) exit 3;; esac; echo '\(answer)'; read line; cat >/dev/null"
        let http = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, budget: ByteBudget(), logger: HTTPTestServer.logger)
        let client = try await MCPClient.connect(
            .stdio(MCPStdioClientSettings(command: "/bin/sh", arguments: ["-c", script])),
            info: ["name": "test", "version": "1"], mode: .auto(), httpClient: http,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: HTTPTestServer.logger)
        #expect(client.server.revision == .v2025_11_25)
        await client.close()
        await http.shutDown()
    }
}
