// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("What upstreams say besides results")
struct UtteranceTests {
    @Test("A secret in an error of the upstream is masked like one in a result")
    func errorText() async throws {
        let upstream = TestUpstream { (_) throws(JSONRPCError) in
            throw JSONRPCError(code: -32_050, message: "no SECRET here", data: ["at": ["SECRET", 1]])
        }
        try await TestGateway.with([("a", upstream)], plugins: [TestPlugin.masking.at(.toolPostInvoke)]) {
            (gateway) async throws in
            let client = try await gateway.connect()
            let error = await failure { () throws(MCPClientError) in try await client.call("a-echo") }
            #expect(error == JSONRPCError(code: -32_050, message: "no *** here", data: ["at": ["***", 1]]))
            await client.close()
        }
    }

    @Test("An upstream's error keeps code, message and data when no plugin listens")
    func errorUnchanged() async throws {
        let thrown = JSONRPCError(code: -32_050, message: "no", data: ["a": 1])
        let upstream = TestUpstream { (_) throws(JSONRPCError) in throw thrown }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect()
            #expect(await failure { () throws(MCPClientError) in try await client.call("a-echo") } == thrown)
            await client.close()
        }
    }

    private static let talking: TestUpstream.Script = { (call) throws(JSONRPCError) in
        for step in 1...2 {
            var params: ValueObject = [
                "progress": .int(Int64(step)), "total": 2, "message": "SECRET \(step)", "x": "SECRET",
            ]
            if let token = call.progressToken { params["progressToken"] = token }
            call.notify("notifications/progress", Document(object: params))
        }
        call.notify(
            "notifications/message",
            Document(object: [
                "level": "error", "logger": "SECRET", "data": ["why": "SECRET"], "_meta": ["s": "SECRET"],
            ]))
        call.notify("notifications/message", Document(object: ["level": "debug", "data": "too little"]))
        return TestUpstream.text("done")
    }

    private func talk(
        plugins: [PipelinePlugin]
    ) async throws -> (heard: [(String, Value)], result: Value) {
        let upstream = TestUpstream(UtteranceTests.talking)
        return try await TestGateway.with([("a", upstream)], plugins: plugins) { (gateway) async throws in
            let client = try await gateway.connect()
            let heard = Mutex<[(String, Value)]>([])
            let box = Box(heard)
            var options = MCPRequestOptions(timeout: .seconds(60))
            options.onNotification = { method, params in
                box.value.withLock { $0.append((method, params?.value ?? .null)) }
            }
            let params: ValueObject = ["name": "a-echo", "arguments": [:], "_meta": ["progressToken": "tok\u{E9}n"]]
            let result = try await client.request("tools/call", Document(object: params), options: options).value
            await client.close()
            return (box.value.withLock { $0 }, result)
        }
    }

    @Test("Progress and log messages arrive in order, before the answer, under the client's own token")
    func forwards() async throws {
        let (heard, result) = try await talk(plugins: [])
        #expect(heard.map(\.0) == ["notifications/progress", "notifications/progress", "notifications/message"])
        #expect(heard.map { $0.1["progressToken"] } == ["tok\u{E9}n", "tok\u{E9}n", nil])
        #expect(heard.first?.1["message"] == "SECRET 1")
        #expect(heard.last?.1["level"] == "error", "below the level that the client wants, nothing comes")
        #expect(result.onlyText == "done")
    }

    @Test(
        "Progress and log messages pass the plugins of their call, and nothing that could carry a secret goes by them")
    func masks() async throws {
        let (heard, result) = try await talk(plugins: [TestPlugin.masking.at(.toolPostInvoke)])
        #expect(
            heard.map(\.1) == [
                ["progressToken": "tok\u{E9}n", "progress": 1, "total": 2, "message": "*** 1"],
                ["progressToken": "tok\u{E9}n", "progress": 2, "total": 2, "message": "*** 2"],
                ["level": "error", "logger": "***", "data": ["why": "***"]],
            ])
        #expect(result.onlyText == "done")
    }

    @Test("What a plugin blocks is dropped, and the call goes on")
    func drops() async throws {
        let (heard, result) = try await talk(plugins: [TestPlugin.blocking("SECRET").at(.toolPostInvoke)])
        #expect(heard.isEmpty)
        #expect(result.onlyText == "done")
    }

    @Test("An embedded resource in a result is seen by the plugins of the call, its URI as clients know it")
    func embedded() async throws {
        let upstream = TestUpstream { (_) throws(JSONRPCError) in
            Document(object: [
                "content": [
                    ["type": "resource", "resource": ["uri": "file:///a", "text": "SECRET"]],
                    ["type": "resource_link", "uri": "file:///b", "name": "b"],
                    ["type": "image", "data": "AAECAw==", "mimeType": "image/png"],
                    ["type": "audio", "data": "BAUG", "mimeType": "audio/wav"],
                ]
            ])
        }
        let plugin = TestPlugin.masking
        try await TestGateway.with([("a", upstream)], plugins: [plugin.at(.toolPostInvoke)]) { (gateway) async throws in
            let client = try await gateway.connect()
            let result = try await client.call("a-echo")
            #expect(
                result["content"] == [
                    ["type": "resource", "resource": ["uri": "a+file:///a", "text": "***"]],
                    ["type": "resource_link", "uri": "a+file:///b", "name": "b"],
                    ["type": "image", "data": "AAECAw==", "mimeType": "image/png"],
                    ["type": "audio", "data": "BAUG", "mimeType": "audio/wav"],
                ])
            #expect(
                plugin.invocations.first?.payload["result"]?["content"]?.arrayValue?.first?["resource"]?["uri"]
                    == "a+file:///a")
            await client.close()
        }
    }

    @Test("A question of an upstream reaches the client whose call it belongs to, and only one that can answer")
    func questions() async throws {
        struct Answering: MCPClientHandler {
            let name: String
            func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
                Document(object: [
                    "action": "accept", "content": ["who": .string(name), "asked": params?["message"] ?? .null],
                ])
            }
        }
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            let answer = try await call.request("elicitation/create", Document(object: ["message": "SECRET?"]))
            return TestUpstream.text(answer["content"]?.description ?? "")
        }
        try await TestGateway.with([("a", upstream)], plugins: [TestPlugin.masking.at(.toolPostInvoke)]) {
            (gateway) async throws in
            let clients = try await [
                gateway.connect(capabilities: ["elicitation": [:]], handler: Answering(name: "one")),
                gateway.connect(capabilities: ["elicitation": [:]], handler: Answering(name: "two")),
            ]
            let mute = try await gateway.connect()
            for (client, name) in zip(clients, ["one", "two"]) {
                #expect(try await client.call("a-echo").onlyText == #"{"who":"\#(name)","asked":"***?"}"#)
            }
            let error = await failure { () throws(MCPClientError) in try await mute.call("a-echo") }
            #expect(error?.code == JSONRPCError.methodNotFoundCode)
            for client in clients + [mute] { await client.close() }
        }
    }
}

@Suite("Answers of clients to questions of upstreams")
struct AnswerTests {
    private struct Telling: MCPClientHandler {
        let text: String
        func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
            Document(object: ["action": "accept", "content": ["text": .string(text)]])
        }
    }

    /// Asks the client, and tells what it got.
    private static func asking(_ method: String = "elicitation/create") -> TestUpstream {
        TestUpstream { (call) throws(JSONRPCError) in
            do throws(JSONRPCError) {
                let answer = try await call.request(method, Document(object: ["message": "?"]))
                return TestUpstream.text("got \(answer["content"]?["text"]?.stringValue ?? "nothing")")
            } catch {
                return TestUpstream.text("refused: \(error.message)")
            }
        }
    }

    private func answer(_ text: String, _ plugins: [PipelinePlugin]) async throws -> String? {
        try await TestGateway.with([("a", Self.asking())], plugins: plugins) { (gateway) async throws in
            let client = try await gateway.connect(
                capabilities: ["elicitation": [:]], handler: Telling(text: text))
            let result = try await client.call("a-echo").onlyText
            await client.close()
            return result
        }
    }

    @Test("They go through the plugins before the call, in the place of its arguments")
    func masked() async throws {
        let plugin = TestPlugin.masking
        #expect(try await answer("a SECRET", [plugin.at(.toolPreInvoke)]) == "got a ***")
        let seen = try #require(plugin.invocations.last?.payload)
        #expect(seen["name"] == "a-echo" && seen["args"]?["action"] == "accept")
    }

    @Test("One that a plugin blocks never reaches the upstream, which is told so")
    func blocked() async throws {
        let result = try await answer("rm -rf /", [TestPlugin.blocking("rm -rf", status: 403).at(.toolPreInvoke)])
        #expect(result == "refused: Plugin Violation: found it")
    }

    @Test("A plugin cannot make another call of one")
    func renamed() async throws {
        let renaming = TestPlugin { invocation in
            guard invocation.payload["args"]?["action"] != nil else { return PluginResult() }
            var payload = invocation.payload
            payload["name"] = "a-other"
            return PluginResult(modifiedPayload: payload)
        }
        let result = try await answer("x", [renaming.at(.toolPreInvoke)])
        #expect(result?.hasPrefix("refused: a plugin made another call") == true, "\(result ?? "-")")
    }
}

/// A value that closures share.
final class Box<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}
