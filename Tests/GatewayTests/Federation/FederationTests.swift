// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import NIOCore
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("Many MCP servers as one")
struct FederationTests {
    @Test("All pages of all upstreams are one list, unknown members included")
    func lists() async throws {
        let many = TestUpstream(
            tools: (0..<25).map { TestUpstream.tool("t\($0)", ["x-new": .int(Int64($0)), "icons": [["src": "x"]]]) },
            resources: [["uri": "file:///r", "name": "r"]], templates: [["uriTemplate": "file:///{p}", "name": "t"]],
            pageSize: 10)
        let other = TestUpstream(tools: [TestUpstream.tool("t0")], prompts: [["name": "p"]])
        try await TestGateway.with([("a", many), ("b", other)]) { (gateway) async throws in
            let client = try await gateway.connect()
            let tools = try await client.request("tools/list", nil).value["tools"]?.arrayValue ?? []
            #expect(tools.compactMap { $0["name"]?.stringValue } == (0..<25).map { "a-t\($0)" } + ["b-t0"])
            #expect(tools[7]["x-new"] == 7 && tools[7]["icons"] == [["src": "x"]])
            #expect(try await client.list("prompts/list", "prompts") == ["b-p"])
            #expect(try await client.list("resources/list", "resources", "uri") == ["a+file:///r"])
            #expect(
                try await client.list("resources/templates/list", "resourceTemplates", "uriTemplate")
                    == ["a+file:///{p}"])
            await client.close()
        }
    }

    @Test("A cursor that is none of the list is refused")
    func badCursor() async throws {
        try await TestGateway.with([("a", TestUpstream())]) { (gateway) async throws in
            let client = try await gateway.connect()
            for cursor: Value in ["", "10", "x", 1] {
                let error = await failure { () throws(MCPClientError) in
                    try await client.request("tools/list", Document(object: ["cursor": cursor]))
                }
                #expect(error?.code == -32_602, "\(cursor)")
            }
            await client.close()
        }
    }

    @Test("A virtual server has what it selects, with or without prefixes, and nothing else")
    func virtualServers() async throws {
        let upstream = TestUpstream(
            tools: [TestUpstream.tool("read"), TestUpstream.tool("write")], resources: [["uri": "x:1", "name": "x"]])
        let other = TestUpstream()
        try await TestGateway.with(
            [("a", upstream), ("b", other)],
            adjusting: { settings in
                var plain = VirtualServerSettings(id: "plain")
                plain.upstreams = ["a"]
                plain.usesPrefixes = false
                var some = VirtualServerSettings(id: "some")
                some.select.tools = ["a-read", "b-*"]
                some.select.resources = ["nothing"]
                settings.servers = [plain, some]
            }
        ) { (gateway) async throws in
            let plain = try await gateway.connect("/servers/plain/mcp")
            #expect(try await plain.list("tools/list", "tools") == ["read", "write"])
            #expect(try await plain.list("resources/list", "resources", "uri") == ["x:1"])
            #expect(try await plain.call("read", ["x": 1]).onlyText == #"{"x":1}"#)
            let hidden = await failure { () throws(MCPClientError) in try await plain.call("b-echo") }
            #expect(hidden?.message == "Unknown tool: b-echo")
            let some = try await gateway.connect("/servers/some/mcp")
            #expect(try await some.list("tools/list", "tools") == ["a-read", "b-echo"])
            #expect(try await some.list("resources/list", "resources", "uri").isEmpty)
            let write = await failure { () throws(MCPClientError) in try await some.call("a-write") }
            #expect(write?.code == -32_602)
            await plain.close()
            await some.close()
        }
    }

    @Test("A change of an upstream's list reaches every client once, after the gateway knows the new list")
    func listChanged() async throws {
        final class Counting: MCPClientHandler {
            let heard = Mutex<[String]>([])
            func notification(_ method: String, _ params: Document?) async { heard.withLock { $0.append(method) } }
        }
        let upstream = TestUpstream()
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let handlers = [Counting(), Counting()]
            var clients: [MCPClient] = []
            for handler in handlers { clients.append(try await gateway.connect(handler: handler)) }
            _ = try await clients[0].call("a-echo")
            upstream.change(tools: [TestUpstream.tool("new")])
            for (client, handler) in zip(clients, handlers) {
                #expect(await eventually { !handler.heard.withLock { $0.isEmpty } })
                #expect(try await client.list("tools/list", "tools") == ["a-new"])
            }
            // The same list again is no change.
            upstream.change(tools: [TestUpstream.tool("new")])
            upstream.change(tools: [TestUpstream.tool("newer")])
            #expect(await eventually { handlers.allSatisfy { $0.heard.withLock { $0.count >= 2 } } })
            for handler in handlers {
                #expect(handler.heard.withLock { $0 } == Array(repeating: "notifications/tools/list_changed", count: 2))
            }
            for client in clients { await client.close() }
        }
    }

    @Test("Clients with the same ids and tokens at the same time get their own answers and progress")
    func isolation() async throws {
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            let text = call.params?["arguments"]?["text"]?.stringValue ?? ""
            if let token = call.progressToken {
                call.notify(
                    "notifications/progress",
                    Document(object: ["progressToken": token, "progress": 1, "message": .string(text)]))
            }
            if text.hasSuffix("0") {
                do { try await Task.sleep(for: .milliseconds(5)) } catch { throw .internalError("cancelled") }
            }
            return TestUpstream.text(text)
        }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let client = try await gateway.connect()
                        var right = 0
                        for call in 0..<20 {
                            let text = "\(number)/\(call)"
                            let heard = Box(Mutex<[Value]>([]))
                            var options = MCPRequestOptions(timeout: .seconds(60))
                            options.onNotification = { _, params in
                                heard.value.withLock { $0.append(params?.value ?? .null) }
                            }
                            let params: ValueObject = [
                                "name": "a-echo", "arguments": ["text": .string(text)], "_meta": ["progressToken": 7],
                            ]
                            let result = try await client.request(
                                "tools/call", Document(object: params), options: options)
                            let progress: Value = ["progressToken": 7, "progress": 1, "message": .string(text)]
                            if result.value.onlyText == text, heard.value.withLock({ $0 }) == [progress] { right += 1 }
                        }
                        await client.close()
                        return right
                    }
                }
                for try await right in group { #expect(right == 20) }
            }
        }
    }

    @Test("An upstream that keeps state has a session for each client, which ends with the client's")
    func sessions() async throws {
        let upstream = TestUpstream()
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let first = try await gateway.connect()
            let second = try await gateway.connect()
            for client in [first, first, second] { _ = try await client.call("a-echo") }
            let sessions = upstream.asked.map(\.session)
            #expect(sessions[0] == sessions[1] && sessions[0] != sessions[2])
            await first.close()
            #expect(await eventually { upstream.endedSessionCount == 1 })
            await second.close()
        }
    }

    @Test("All clients share one session where configuration says so")
    func sharedSessions() async throws {
        let upstream = TestUpstream()
        try await TestGateway.with([("a", upstream)], adjusting: { $0.upstreams[0].sessions = .shared }) {
            (gateway) async throws in
            for _ in 0..<3 {
                let client = try await gateway.connect()
                _ = try await client.call("a-echo")
                await client.close()
            }
            #expect(upstream.sessionCount == 1)
        }
    }

    @Test("A slow call does not hold up another one of the same client")
    func overtaking() async throws {
        let gate = SharedResult<Void, Never>()
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            if call.params?["arguments"]?["slow"] == true { _ = await gate.wait() }
            return TestUpstream.text("done")
        }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect()
            async let slow = client.call("a-echo", ["slow": true])
            #expect(try await client.call("a-echo").onlyText == "done")
            gate.give(.success(()))
            #expect(try await slow.onlyText == "done")
            await client.close()
        }
    }

    @Test("Cancelling a call cancels it at the upstream, and no other")
    func cancellation() async throws {
        let cancelled = Mutex(0)
        let count = Box(cancelled)
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            do {
                try await Task.sleep(for: .seconds(120))
            } catch {
                count.value.withLock { $0 += 1 }
                throw .internalError("cancelled")
            }
            return TestUpstream.text("late")
        }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect()
            let task = Task { try await client.call("a-echo") }
            #expect(await eventually { upstream.asked.count == 1 })
            task.cancel()
            _ = await task.result
            #expect(await eventually { count.value.withLock { $0 } == 1 })
            await client.close()
        }
    }

    @Test(
        "Subscriptions reach the one who subscribed, under the URI that it knows",
        arguments: [UpstreamSettings.Sessions.auto, .shared])
    func subscriptions(sessions: UpstreamSettings.Sessions) async throws {
        final class Listening: MCPClientHandler {
            let heard = Mutex<[Value]>([])
            func notification(_ method: String, _ params: Document?) async {
                guard method == "notifications/resources/updated" else { return }
                heard.withLock { $0.append(params?["uri"] ?? .null) }
            }
        }
        let upstream = TestUpstream(resources: [["uri": "x:1", "name": "x"]])
        try await TestGateway.with([("a", upstream)], adjusting: { $0.upstreams[0].sessions = sessions }) {
            (gateway) async throws in
            let (subscribed, other) = (Listening(), Listening())
            let client = try await gateway.connect(handler: subscribed)
            let second = try await gateway.connect(handler: other)
            _ = try await second.call("a-echo")
            _ = try await client.request("resources/subscribe", Document(object: ["uri": "a+x:1"]))
            upstream.update("x:1")
            upstream.update("x:2")
            #expect(await eventually { !subscribed.heard.withLock { $0.isEmpty } })
            #expect(subscribed.heard.withLock { $0 }.allSatisfy { $0 == "a+x:1" })
            #expect(other.heard.withLock { $0.isEmpty })
            _ = try await client.request("resources/unsubscribe", Document(object: ["uri": "a+x:1"]))
            #expect(upstream.asked.map(\.method).contains("resources/unsubscribe"))
            await client.close()
            await second.close()
        }
    }

    @Test("Completion asks the upstream whose prompt or template it is, by its own name")
    func completion() async throws {
        let upstream = TestUpstream(prompts: [["name": "p"]], templates: [["uriTemplate": "x:{y}", "name": "t"]]) {
            (call) throws(JSONRPCError) in
            Document(object: [
                "completion": ["values": [call.params?["ref"]?["name"] ?? call.params?["ref"]?["uri"] ?? .null]]
            ])
        }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect()
            func complete(_ reference: Value) async throws(MCPClientError) -> Value? {
                try await client.request(
                    "completion/complete",
                    Document(object: ["ref": reference, "argument": ["name": "y", "value": ""]])
                ).value["completion"]?["values"]
            }
            #expect(try await complete(["type": "ref/prompt", "name": "a-p"]) == ["p"])
            #expect(try await complete(["type": "ref/resource", "uri": "a+x:{y}"]) == ["x:{y}"])
            let error = await failure { () throws(MCPClientError) in
                try await complete(["type": "ref/prompt", "name": "p"])
            }
            #expect(error?.code == -32_602)
            await client.close()
        }
    }

    @Test(
        "The level of log messages reaches the upstream, and a session that begins later",
        arguments: [UpstreamSettings.Sessions.auto, .shared])
    func logLevel(sessions: UpstreamSettings.Sessions) async throws {
        let upstream = TestUpstream()
        try await TestGateway.with([("a", upstream)], adjusting: { $0.upstreams[0].sessions = sessions }) {
            (gateway) async throws in
            let client = try await gateway.connect()
            _ = try await client.request("logging/setLevel", Document(object: ["level": "debug"]))
            _ = try await client.call("a-echo")
            #expect(upstream.asked.filter { $0.method == "logging/setLevel" }.map { $0.params["level"] } == ["debug"])
            let error = await failure { () throws(MCPClientError) in
                try await client.request("logging/setLevel", Document(object: ["level": "loud"]))
            }
            #expect(error?.code == -32_602)
            await client.close()
        }
    }

    @Test("Capabilities are those that are delivered, and what is not announced is not served")
    func capabilities() async throws {
        try await TestGateway.with([("a", TestUpstream())]) { (gateway) async throws in
            let client = try await gateway.connect()
            let capabilities = client.server.capabilities
            #expect(capabilities["tools"] == ["listChanged": true])
            #expect(capabilities["resources"] == ["subscribe": true, "listChanged": true])
            #expect(capabilities["tasks"] == nil)
            for method in ["tasks/list", "no/such", "sampling/createMessage"] {
                let error = await failure { () throws(MCPClientError) in try await client.request(method, nil) }
                #expect(error?.code == JSONRPCError.methodNotFoundCode, "\(method)")
            }
            await client.close()
        }
    }
}
