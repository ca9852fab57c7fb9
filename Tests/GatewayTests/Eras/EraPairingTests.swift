// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("Clients and servers of both eras, with the gateway in between")
struct EraPairingTests {
    @Test("Tools, prompts and resources", arguments: EraPairing.all)
    func features(_ pairing: EraPairing) async throws {
        let upstream = TestUpstream(
            prompts: [["name": "p"]], resources: [["uri": "x:1", "name": "x"]],
            templates: [["uriTemplate": "x:{n}", "name": "t"]],
            eras: [pairing.upstream]
        ) { (call) throws(JSONRPCError) in
            switch call.method {
            case "prompts/get": return Document(object: ["messages": [], "description": "d"])
            case "resources/read":
                guard call.params?["uri"]?.stringValue == "x:1" else {
                    throw JSONRPCError(
                        code: call.envelope == nil ? -32_002 : -32_602, message: "no such thing", data: ["uri": "x:2"])
                }
                return Document(object: ["contents": [["uri": "x:1", "text": "read"]]])
            case "completion/complete": return Document(object: ["completion": ["values": ["one"]]])
            default: return TestUpstream.text(call.params?["arguments"]?.description ?? "")
            }
        }
        try await pairing.with(upstream) { (_, client) async throws in
            #expect(try await client.list("tools/list", "tools") == ["a-echo"])
            #expect(try await client.list("prompts/list", "prompts") == ["a-p"])
            #expect(try await client.list("resources/list", "resources", "uri") == ["a+x:1"])
            #expect(
                try await client.list("resources/templates/list", "resourceTemplates", "uriTemplate") == ["a+x:{n}"])
            let result = try await client.call("a-echo", ["text": "hello"])
            #expect(result.onlyText == #"{"text":"hello"}"#)
            #expect(
                result["resultType"]?.stringValue == (pairing.client == .modern ? "complete" : Optional<String>.none))
            let prompt = try await client.request("prompts/get", Document(object: ["name": "a-p"]))
            #expect(prompt["description"] == "d")
            let read = try await client.request("resources/read", Document(object: ["uri": "a+x:1"]))
            #expect(read["contents"] == [["uri": "a+x:1", "text": "read"]])
            #expect(read["cacheScope"]?.stringValue == (pairing.client == .modern ? "private" : Optional<String>.none))
            let unknown = await failure { () throws(MCPClientError) in
                try await client.request("resources/read", Document(object: ["uri": "a+x:2"]))
            }
            #expect(unknown?.code == (pairing.client == .modern ? -32_602 : -32_002))
            let completion = try await client.request(
                "completion/complete",
                Document(object: [
                    "ref": ["type": "ref/prompt", "name": "a-p"], "argument": ["name": "n", "value": "o"],
                ]))
            #expect(completion["completion"]?["values"] == ["one"])
        }
        // What a client says of itself to the gateway is not handed on.
        for asked in upstream.asked {
            let meta = asked.params["_meta"]?.objectValue ?? [:]
            let info = meta["io.modelcontextprotocol/clientInfo"]?["name"]?.stringValue
            #expect(info == (pairing.upstream == .modern ? "gatehouse" : Optional<String>.none))
        }
    }

    @Test("A server's questions reach the client, and its answers the server", arguments: EraPairing.all)
    func questions(_ pairing: EraPairing) async throws {
        let methods = ["elicitation/create", "sampling/createMessage", "roots/list"]
        for method in methods {
            let user = Answering()
            let upstream = TestUpstream.asking(pairing.upstream, method: method)
            try await pairing.with(upstream, handler: user) { (gateway, client) async throws in
                let result = try await client.call("a-ask")
                switch method {
                case "elicitation/create":
                    #expect(result.onlyText == #"[{"action":"accept","content":{"answer":"question 1"}}]"#)
                case "sampling/createMessage": #expect(result.onlyText?.contains("sampled") == true)
                default: #expect(result.onlyText == #"[{"roots":[{"uri":"file:///here"}]}]"#)
                }
                #expect(user.questions.map(\.method) == [method])
                #expect(user.questions.first?.params["message"] == "question 1")
                // Each call by itself: the next one asks again.
                #expect(try await client.call("a-echo").onlyText == result.onlyText)
            }
        }
    }

    @Test("A call may ask several times; prompts and resources may ask as well", arguments: EraPairing.all)
    func rounds(_ pairing: EraPairing) async throws {
        let user = Answering()
        try await pairing.with(TestUpstream.asking(pairing.upstream), handler: user) { (_, client) async throws in
            let result = try await client.call("a-ask", ["count": "3"])
            let asked = ["question 1", "question 2", "question 3"]
            let answers = asked.map { #"{"action":"accept","content":{"answer":"\#($0)"}}"# }
            #expect(result.onlyText == "[\(answers.joined(separator: ","))]")
            #expect(user.questions.map { $0.params["message"]?.stringValue } == asked)
            let prompt = try await client.request(
                "prompts/get", Document(object: ["name": "a-ask", "arguments": ["count": "2"]]))
            #expect(
                prompt["messages"]?.arrayValue?[0]["content"]?["text"]?.stringValue == "[\(answers[0]),\(answers[1])]")
            let read = try await client.request("resources/read", Document(object: ["uri": "a+x:1"]))
            #expect(read["contents"] == [["uri": "a+x:1", "text": .string("[\(answers[0])]")]])
        }
    }

    @Test("A client that cannot answer is not asked, and the server hears that", arguments: EraPairing.all)
    func notCapable(_ pairing: EraPairing) async throws {
        let upstream = TestUpstream.asking(pairing.upstream)
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect(
                capabilities: ["roots": [:]], mode: pairing.client == .modern ? .modern : .handshake)
            let error = await failure { () throws(MCPClientError) in try await client.call("a-ask") }
            #expect(error != nil)
            await client.close()
        }
    }

    @Test("Progress arrives under the client's own token, and before the answer", arguments: EraPairing.all)
    func progress(_ pairing: EraPairing) async throws {
        let upstream = TestUpstream(eras: [pairing.upstream]) { (call) throws(JSONRPCError) in
            for step: Int64 in 1...3 {
                guard let token = call.progressToken else { throw .internalError("no token") }
                call.notify(
                    "notifications/progress", Document(object: ["progressToken": token, "progress": .int(step)]))
            }
            return TestUpstream.text("done")
        }
        try await pairing.with(upstream) { (_, client) async throws in
            let heard = Box(Mutex<[Value]>([]))
            var options = MCPRequestOptions()
            options.onNotification = { _, params in heard.value.withLock { $0.append(params?.value ?? .null) } }
            let params: ValueObject = ["name": "a-echo", "_meta": ["progressToken": "mine"]]
            let result = try await client.request("tools/call", Document(object: params), options: options)
            #expect(result.value.onlyText == "done")
            let steps = heard.value.withLock { $0 }
            #expect(steps.map { $0["progressToken"] } == ["mine", "mine", "mine"])
            #expect(steps.map { $0["progress"] } == [1, 2, 3])
        }
    }

    @Test("Log messages arrive where the client wants them, from the level that it wants", arguments: EraPairing.all)
    func logs(_ pairing: EraPairing) async throws {
        let upstream = TestUpstream(eras: [pairing.upstream]) { (call) throws(JSONRPCError) in
            for level in ["debug", "error"] {
                call.notify(
                    "notifications/message", Document(object: ["level": .string(level), "data": .string(level)]))
            }
            return TestUpstream.text("done")
        }
        try await pairing.with(upstream) { (_, client) async throws in
            let heard = Box(Mutex<[Value]>([]))
            var options = MCPRequestOptions()
            options.onNotification = { _, params in heard.value.withLock { $0.append(params?["data"] ?? .null) } }
            options.logLevel = .warning
            let params = Document(object: ["name": "a-echo"])
            if pairing.client == .handshake {
                _ = try await client.request("logging/setLevel", Document(object: ["level": "warning"]))
            }
            _ = try await client.request("tools/call", params, options: options)
            #expect(heard.value.withLock { $0 } == ["error"])
            guard pairing.client == .modern else { return }
            options.logLevel = nil
            _ = try await client.request("tools/call", params, options: options)
            #expect(heard.value.withLock { $0 } == ["error"])
        }
    }

    @Test("A call that a client cancels is cancelled at the server", arguments: EraPairing.all)
    func cancellation(_ pairing: EraPairing) async throws {
        let begun = SharedResult<Void, Never>()
        let cancelled = SharedResult<Void, Never>()
        let upstream = TestUpstream(eras: [pairing.upstream]) { (call) throws(JSONRPCError) in
            begun.give(.success(()))
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                cancelled.give(.success(()))
            }
            throw .internalError("cancelled")
        }
        try await pairing.with(upstream) { (_, client) async throws in
            let call = Task { try await client.call("a-echo") }
            _ = await begun.wait()
            call.cancel()
            #expect(await eventually { cancelled.result != nil })
            _ = await call.result
        }
    }

    @Test("Names, and what stands in headers, are the server's own towards it", arguments: EraPairing.all)
    func headers(_ pairing: EraPairing) async throws {
        let schema: Value = [
            "type": "object", "properties": ["region": ["type": "string", "x-mcp-header": "Region"]],
        ]
        let upstream = TestUpstream(
            tools: [TestUpstream.tool("echo", ["inputSchema": schema])], eras: [pairing.upstream])
        try await pairing.with(
            upstream, plugins: [TestPlugin.setting("args", to: ["region": "Zürich"]).at(.toolPreInvoke)]
        ) { (_, client) async throws in
            var options = MCPRequestOptions()
            options.headers = [("Mcp-Param-Region", "bern"), ("Mcp-Param-Other", "x"), ("X-Client", "y")]
            let params = Document(object: ["name": "a-echo", "arguments": ["region": "bern"]])
            _ = try await client.request("tools/call", params, options: options)
        }
        let headers = try #require(upstream.asked.last?.headers)
        #expect(headers["x-client"] == nil)
        guard pairing.upstream == .modern else {
            #expect(headers["mcp-name"] == nil && headers["mcp-param-region"] == nil)
            return
        }
        #expect(headers["mcp-method"] == "tools/call" && headers["mcp-name"] == "echo")
        #expect(headers["mcp-param-region"] == "=?base64?WsO8cmljaA==?=")
        #expect(headers["mcp-param-other"] == (pairing.client == .modern ? "x" : Optional<String>.none))
    }

    @Test("Plugins see and change what is asked, answered and said in both eras alike", arguments: EraPairing.all)
    func plugins(_ pairing: EraPairing) async throws {
        let user = Answering { (_, _) throws(JSONRPCError) in ["action": "accept", "content": ["answer": "green"]] }
        let plugin = TestPlugin { invocation in
            let masked = TestPlugin.mask(invocation.payload.value)
            guard masked != invocation.payload.value else { return PluginResult() }
            return PluginResult(modifiedPayload: Document(masked))
        }
        let upstream = TestUpstream(eras: [pairing.upstream]) { (call) throws(JSONRPCError) in
            let question = Document(object: ["message": "SECRET?", "requestedSchema": [:]])
            if call.envelope != nil, call.inputResponses == nil {
                return MCPInputRequired(
                    requests: [.init(key: "q", method: "elicitation/create", params: question)], state: nil
                ).result
            }
            if call.envelope == nil { _ = try await call.request("elicitation/create", question) }
            return TestUpstream.text("SECRET!")
        }
        try await pairing.with(upstream, plugins: [plugin.at(.toolPreInvoke, .toolPostInvoke)], handler: user) {
            (_, client) async throws in
            #expect(try await client.call("a-echo", ["text": "x"]).onlyText == "***!")
            #expect(user.questions.map { $0.params["message"] } == ["***?"])
        }
        let results = plugin.invocations.filter { $0.hook == .toolPostInvoke }.map { $0.payload.value }
        #expect(results.last?["result"] == ["content": [["type": "text", "text": "SECRET!"]]])
        #expect(results.allSatisfy { $0["name"] == "a-echo" })
    }
}
