// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

/// Our client over HTTP, against a server of ours and against servers that are not as they should be.
@Suite struct ClientHTTPTests {
    @Test func requestsAreAnsweredByJSONAndByEvents() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let client = try await server.connect()
            let params = try Document(checkingJSON: Array(#"{"n":1.50,"t":"\u00e9"}"#.utf8))
            #expect(try await client.request("raw", params).value == ["n": 1.5, "t": "é"])
            #expect(try await client.request("progress").value == ["done": true])
            #expect(
                await error { _ = try await client.request("fail") }
                    == .rpc(JSONRPCError(code: 77, message: "as asked", data: ["x": 1])))
            #expect(await error { _ = try await client.request("nope") } == .rpc(.methodNotFound("nope")))
            await client.close()
            try await eventually("the session is ended") { server.endpoint.sessionCount == 0 }
            guard case .transport = await error({ _ = try await client.request("echo") }) else {
                Issue.record("a closed client still works")
                return
            }
        }
    }

    @Test func untouchedParametersAreSentInTheirBytes() async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            RawMCPServer.json(
                exchange,
                #"{"jsonrpc":"2.0","id":\#(message["id"] ?? nil),"result":{"body":\#(Value.string(String(buffer: request.body)))}}"#
            )
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            let text = #"{ "name":"x", "arguments": {"n": 1.0e2 ,"s":"\/"} }"#
            let body = try await client.request("tools/call", Document(checkingJSON: Array(text.utf8)))["body"]
            #expect(try #require(body?.stringValue).contains(#""params":\#(text)}"#))
            await client.close()
        }
    }

    @Test func progressTokensAreOursOnTheWayAndTheCallersAgain() async throws {
        let seen = HeaderRecorder()
        try await HTTPTestServer.with(ScriptedApplication(), admission: seen) { server in
            let client = try await server.connect()
            for token: Value in ["mine", 7, "7"] {
                let heard = Mutex<[Value]>([])
                var options = MCPRequestOptions()
                options.onNotification = { method, params in
                    #expect(method == MCPMethod.progress)
                    heard.withLock { $0.append(params?["progressToken"] ?? nil) }
                }
                let params = Document(object: ["a": 1, "_meta": ["progressToken": token, "other": true]])
                _ = try await client.request("progress", params, options: options)
                #expect(heard.withLock { $0 } == [token, token, token])
            }
            let sent = seen.bodies.filter { $0["method"] == "progress" }
            #expect(Set(sent.compactMap { $0["params"]?["_meta"]?["progressToken"]?.intValue }).count == 3)
            #expect(sent.allSatisfy { $0["params"]?["_meta"]?["other"] == true })
            await client.close()
        }
    }

    @Test func cancellingARequestTellsTheServer() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let client = try await server.connect()
            let call = Task { await error { _ = try await client.request("wait") } }
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            call.cancel()
            #expect(await call.value == .cancelled)
            try await eventually("the server hears of it") { application.noted.withLock { $0.cancelledCalls } == 1 }
            _ = try await client.request("echo")
            await client.close()
        }
    }

    @Test func aSilentServerIsATimeoutAndIsTold() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let client = try await server.connect()
            let found = await error {
                _ = try await client.request("wait", nil, options: MCPRequestOptions(timeout: .milliseconds(300)))
            }
            guard case .timeout = found else {
                Issue.record("\(String(describing: found))")
                return
            }
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            await client.close()
        }
    }

    @Test func progressSetsTheClockBackUpToTheHardLimit() async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            let id = message["id"] ?? nil
            let token = message["params"]?["_meta"]?["progressToken"] ?? nil
            let stream = exchange.stream(status: .ok, headers: ["content-type": "text/event-stream"])
            // Nine steps of 200 ms: 1.8 s in all, which is more than one period of silence.
            for step in 1...9 {
                exchange.eventLoop.scheduleTask(in: .milliseconds(Int64(step) * 200)) {
                    try? stream.writeNow(
                        ByteBuffer(
                            string: step == 9
                                ? "data: {\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{}}\n\n"
                                : "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\(token),\"progress\":\(step)}}\n\n"
                        ))
                    if step == 9 { stream.finish() }
                }
            }
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            var options = MCPRequestOptions(timeout: .seconds(1))
            options.progressTimeout = .seconds(60)
            let params = Document(object: ["_meta": ["progressToken": "t"]])
            _ = try await client.request("steps", params, options: options)
            options.progressTimeout = nil
            let found = await error { _ = try await client.request("steps", params, options: options) }
            guard case .timeout = found else {
                Issue.record("\(String(describing: found))")
                return
            }
            await client.close()
        }
    }

    @Test func theClockStandsStillWhileTheServerWaitsForAnAnswerUpToTheHardLimit() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let client = try await server.connect(handler: NotingHandler())
            var options = MCPRequestOptions(timeout: .seconds(1))
            options.progressTimeout = .seconds(60)
            options.onRequest = { (_, _) async throws(JSONRPCError) in
                // Longer than the server may be silent.
                try? await Task.sleep(for: .milliseconds(1_500))
                return Document(object: ["action": "accept"])
            }
            #expect(try await client.request("ask", nil, options: options)["answer"] == ["action": "accept"])
            options.progressTimeout = nil
            let found = await error { _ = try await client.request("ask", nil, options: options) }
            guard case .timeout = found else {
                Issue.record("\(String(describing: found))")
                return
            }
            await client.close()
        }
    }

    @Test func anUnknownSessionIsTold() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let client = try await server.connect()
            async let end = client.waitForEnd()
            for session in application.noted.withLock({ $0.sessions }) { session.end() }
            let found = await error { _ = try await client.request("echo") }
            guard case .sessionLost = found else {
                Issue.record("\(String(describing: found))")
                return
            }
            #expect(await end?.contains("404") == true)
            await client.close()
        }
    }

    @Test func messagesThatBelongToNoRequestReachTheHandler() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let handler = NotingHandler()
            let client = try await server.connect(handler: handler)
            let session = try #require(application.noted.withLock { $0.sessions.last })
            for number in 0..<5 { session.notify("notifications/x", Document(object: ["n": .int(Int64(number))])) }
            try await eventually { handler.notifications.count == 5 }
            #expect(handler.notifications.compactMap { $0.1["n"]?.intValue } == [0, 1, 2, 3, 4])
            await client.close()
        }
    }

    @Test func requestsOfTheServerAreAnsweredByTheHandlerOrByTheRequestsOwn() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let client = try await server.connect(handler: NotingHandler())
            #expect(try await client.request("ask")["answer"]?["asked"] == ["message": "?"])
            var options = MCPRequestOptions()
            options.onRequest = { (method, _) async throws(JSONRPCError) in Document(object: ["own": .string(method)]) }
            #expect(try await client.request("ask", nil, options: options)["answer"] == ["own": "elicitation/create"])
            await client.close()
            let plain = try await server.connect()
            guard case .rpc(let refusal) = await error({ _ = try await plain.request("ask") }) else {
                Issue.record("not refused")
                return
            }
            #expect(refusal.code == -32_601)
            await plain.close()
        }
    }

    // MARK: Servers that are not as they should be

    @Test func aServerOfAnUnknownRevisionIsRefused() async throws {
        try await RawMCPServer.with { request, message, exchange in
            _ = RawMCPServer.answersLifecycle(request, message, exchange, version: "2077-01-01")
        } _: { url, http in
            let found = await error { _ = try await RawMCPServer.connect(url, http) }
            guard case .transport(let text) = found else {
                Issue.record("\(String(describing: found))")
                return
            }
            #expect(text.contains("2077-01-01"))
        }
    }

    @Test(
        arguments: [
            "no JSON", "[]", #"{"jsonrpc":"2.0","id":999,"result":{}}"#, #"{"jsonrpc":"2.0","method":"x"}"#,
            #"{"jsonrpc":"2.0","id":2,"result":5}"#, "",
        ])
    func whatIsNoAnswerIsAnErrorThatNamesTheServer(body: String) async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            RawMCPServer.json(exchange, body)
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            guard case .transport(let text) = await error({ _ = try await client.request("x") }) else {
                Issue.record("no error of the transport")
                return
            }
            #expect(text.contains(url))
            await client.close()
        }
    }

    @Test func anErrorStatusTellsWhatTheServerSays() async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            exchange.send(.text(.forbidden, "not on Sundays"))
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            guard case .transport(let text) = await error({ _ = try await client.request("x") }) else {
                Issue.record("no error of the transport")
                return
            }
            #expect(text.contains("403") && text.contains("not on Sundays"))
            await client.close()
        }
    }

    @Test func redirectsAreNotFollowed() async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            exchange.send(HTTPServerResponse(status: .temporaryRedirect, headers: ["location": "/elsewhere"]))
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            guard case .transport(let text) = await error({ _ = try await client.request("x") }) else {
                Issue.record("no error of the transport")
                return
            }
            #expect(text.contains("307"))
            await client.close()
        }
    }

    @Test func anAnswerThatBreaksOffIsGoneOnWithAfterItsLastEvent() async throws {
        let resumedAfter = Mutex<String?>(nil)
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            if let last = request.headers.first(name: "last-event-id") {
                resumedAfter.withLock { $0 = last }
                RawMCPServer.events(
                    exchange, "id: e2\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"late\":true}}\n\n")
            } else {
                RawMCPServer.events(exchange, "retry: 20\nid: e1\ndata:\n\n")
            }
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            #expect(try await client.request("x").value == ["late": true])
            #expect(resumedAfter.withLock { $0 } == "e1")
            await client.close()
        }
    }

    @Test func anAnswerThatBreaksOffWithoutEventIDsIsAnError() async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            RawMCPServer.events(exchange, ":\n\n")
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            guard case .transport = await error({ _ = try await client.request("x") }) else {
                Issue.record("no error of the transport")
                return
            }
            await client.close()
        }
    }

    @Test func anotherRequestsAnswerOnTheStreamIsPassedOver() async throws {
        try await RawMCPServer.with { request, message, exchange in
            guard !RawMCPServer.answersLifecycle(request, message, exchange) else { return }
            let id = message["id"] ?? nil
            RawMCPServer.events(
                exchange,
                "data: {\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{\"forged\":1}}\n\n"
                    + "data: {\"jsonrpc\":\"2.0\",\"id\":\"\(id)\",\"result\":{\"forged\":2}}\n\n"
                    + "data: not JSON\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"good\":1}}\n\n")
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http)
            #expect(try await client.request("x").value == ["good": 1])
            await client.close()
        }
    }

    @Test func manyRequestsAtOnceKeepTheirAnswers() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let client = try await server.connect()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let params = Document(object: ["n": .int(Int64(number))])
                        let answer = try await client.request("raw", params)
                        #expect(answer["n"]?.intValue == Int64(number))
                    }
                }
                try await group.waitForAll()
            }
            await client.close()
        }
    }
}
