// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

/// What an upstream may ask of a client, and what the gateway answers in its place.
@Suite("Requests of upstreams to clients")
struct ClientAbilityTests {
    /// Notes what it is asked, and answers with it.
    private final class Answering: MCPClientHandler {
        private let state = Mutex<[String]>([])
        private let notes = Mutex<[Value]>([])

        var asked: [String] { state.withLock { $0 } }
        var completed: [Value] { notes.withLock { $0 } }

        func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
            state.withLock { $0.append(method) }
            return Document(object: ["for": .string(method), "given": params?.value ?? nil])
        }

        func notification(_ method: String, _ params: Document?) async {
            guard method == "notifications/elicitation/complete" else { return }
            notes.withLock { $0.append(params?.value ?? nil) }
        }
    }

    /// Asks what its arguments say, and answers with what came of it.
    private static let asking: TestUpstream.Script = { (call) throws(JSONRPCError) in
        let arguments = call.params?["arguments"]
        let params = arguments?["params"].map { Document($0) }
        let answer = try await call.request(arguments?["method"]?.stringValue ?? "", params)
        return TestUpstream.text(answer.value.description)
    }

    private static let form: ValueObject = ["message": "?", "requestedSchema": ["type": "object"]]
    private static let url: ValueObject = [
        "mode": "url", "message": "?", "url": "https://e.example", "elicitationId": "1",
    ]
    private static let sample: ValueObject = ["messages": [], "maxTokens": 1]
    private static let sampleWithTools: ValueObject = ["messages": [], "maxTokens": 1, "tools": []]

    private static let cases: [(method: String, params: ValueObject?, capabilities: ValueObject, code: Int?)] = [
        ("roots/list", nil, ["roots": [:]], nil),
        ("roots/list", nil, [:], -32_601),
        ("roots/list", nil, ["roots": true], -32_601),
        ("sampling/createMessage", sample, ["sampling": [:]], nil),
        ("sampling/createMessage", sample, ["elicitation": [:]], -32_601),
        ("sampling/createMessage", sampleWithTools, ["sampling": [:]], -32_602),
        ("sampling/createMessage", sampleWithTools, ["sampling": ["tools": [:]]], nil),
        ("elicitation/create", form, ["elicitation": [:]], nil),
        ("elicitation/create", form, ["elicitation": ["form": [:]]], nil),
        ("elicitation/create", form, ["elicitation": ["form": [:], "url": [:]]], nil),
        ("elicitation/create", form, ["elicitation": ["url": [:]]], -32_602),
        ("elicitation/create", form, ["sampling": [:]], -32_601),
        ("elicitation/create", url, ["elicitation": ["url": [:]]], nil),
        ("elicitation/create", url, ["elicitation": [:]], -32_602),
        ("elicitation/create", url, ["elicitation": ["form": [:]]], -32_602),
        ("elicitation/create", url, [:], -32_601),
        ("elicitation/create", ["mode": "voice"], ["elicitation": [:]], -32_602),
        ("tasks/get", nil, ["roots": [:], "sampling": [:], "elicitation": [:]], -32_601),
    ]

    @Test("The client is asked for what it has declared; for the rest the gateway answers at once", arguments: cases)
    func abilities(
        _ method: String, _ params: ValueObject?, _ capabilities: ValueObject, _ code: Int?
    ) async throws {
        try await TestGateway.with([("a", TestUpstream(Self.asking))]) { (gateway) async throws in
            let handler = Answering()
            let client = try await gateway.connect(capabilities: capabilities, handler: handler)
            var arguments: ValueObject = ["method": .string(method)]
            if let params { arguments["params"] = .object(params) }
            if let code {
                let error = await failure { () throws(MCPClientError) in
                    try await client.call("a-echo", .object(arguments))
                }
                #expect(error?.code == code, "\(method) with \(Value.object(capabilities))")
                #expect(handler.asked.isEmpty)
            } else {
                let text = try await client.call("a-echo", .object(arguments)).onlyText ?? ""
                #expect(handler.asked == [method])
                let answer = try JSONParser.decode(text.utf8)
                #expect(answer["for"]?.stringValue == method && answer["given"] == params.map { .object($0) } ?? .null)
            }
            await client.close()
        }
    }

    @Test("Nobody is asked over a session that clients share")
    func sharedSession() async throws {
        try await TestGateway.with(
            [("a", TestUpstream(Self.asking))], adjusting: { $0.upstreams[0].sessions = .shared }
        ) { (gateway) async throws in
            let handler = Answering()
            let client = try await gateway.connect(capabilities: ["roots": [:]], handler: handler)
            let error = await failure { () throws(MCPClientError) in
                try await client.call("a-echo", ["method": "roots/list"])
            }
            #expect(error?.code == -32_601)
            #expect(handler.asked.isEmpty)
            await client.close()
        }
    }

    @Test(
        "A client that was sent to a URL hears that it is done, and nothing else with it",
        arguments: [true, false])
    func completion(opensURLs: Bool) async throws {
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            let params: ValueObject = ["elicitationId": "7", "secret": "x"]
            call.notify("notifications/elicitation/complete", Document(object: params))
            call.session.notify("notifications/elicitation/complete", Document(object: params))
            call.notify(
                "notifications/progress", Document(object: ["progressToken": call.progressToken ?? nil, "progress": 1]))
            return TestUpstream.text("done")
        }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let handler = Answering()
            let client = try await gateway.connect(
                capabilities: ["elicitation": opensURLs ? ["url": [:]] : [:]], handler: handler)
            _ = try await client.call("a-echo")
            if opensURLs {
                #expect(await eventually { handler.completed.count == 2 })
                #expect(handler.completed.allSatisfy { $0 == ["elicitationId": "7"] })
            } else {
                _ = try await client.call("a-echo")
                #expect(handler.completed.isEmpty)
            }
            await client.close()
        }
    }
}
