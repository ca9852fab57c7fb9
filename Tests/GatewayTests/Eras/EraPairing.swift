// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

/// A client and a server of which each speaks one era of MCP, with a gateway in between.
struct EraPairing: Sendable, CustomTestStringConvertible {
    static let all = [ProtocolEra.handshake, .modern].flatMap { client in
        [ProtocolEra.handshake, .modern].map { EraPairing(client: client, upstream: $0) }
    }

    let client: ProtocolEra
    let upstream: ProtocolEra

    var testDescription: String { "\(client) client, \(upstream) server" }

    /// Runs a gateway in front of one server, "a", which speaks the era; its tool asks as its era does.
    func with(
        _ upstream: TestUpstream, plugins: [PipelinePlugin] = [], handler: Answering = Answering(),
        adjusting adjust: @escaping @Sendable (inout GatewaySettings) -> Void = { _ in },
        _ body: @Sendable (TestGateway, MCPClient) async throws -> Void
    ) async throws {
        try await TestGateway.with([("a", upstream)], plugins: plugins, adjusting: adjust) {
            (gateway) async throws in
            let client = try await gateway.connect(
                capabilities: Answering.capabilities, mode: client == .modern ? .modern : .handshake, handler: handler)
            #expect(client.server.revision.era == self.client)
            try await body(gateway, client)
            await client.close()
        }
    }
}

/// A client's user: answers what it is asked, and notes it.
final class Answering: MCPClientHandler {
    static let capabilities: ValueObject = ["elicitation": [:], "sampling": [:], "roots": [:]]

    private let noted = Mutex<[(method: String, params: Value)]>([])
    private let heard = Mutex<[String]>([])
    private let answer: @Sendable (String, Value) async throws(JSONRPCError) -> Value

    init(
        _ answer: @escaping @Sendable (String, Value) async throws(JSONRPCError) -> Value = {
            (method, params) throws(JSONRPCError) in
            switch method {
            case "elicitation/create":
                ["action": "accept", "content": ["answer": params["message"] ?? .null]]
            case "sampling/createMessage":
                ["role": "assistant", "model": "m", "content": ["type": "text", "text": "sampled"]]
            case "roots/list": ["roots": [["uri": "file:///here"]]]
            default: throw JSONRPCError.methodNotFound(method)
            }
        }
    ) { self.answer = answer }

    var questions: [(method: String, params: Value)] { noted.withLock { $0 } }
    var notifications: [String] { heard.withLock { $0 } }

    func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
        noted.withLock { $0.append((method, params?.value ?? .null)) }
        return Document(try await answer(method, params?.value ?? .null))
    }

    func notification(_ method: String, _ params: Document?) async { heard.withLock { $0.append(method) } }
}

extension TestUpstream {
    /// A server that speaks one era, with a tool, a prompt and a resource that ask the client, as often as the arguments say.
    static func asking(_ era: ProtocolEra, method: String = "elicitation/create") -> TestUpstream {
        TestUpstream(
            tools: [tool("ask"), tool("echo")], prompts: [["name": "ask"]],
            resources: [["uri": "x:1", "name": "x"]], eras: [era]
        ) { (call) throws(JSONRPCError) in
            let count = Int(call.params?["arguments"]?["count"]?.stringValue ?? "1") ?? 1
            var answers: [Value] = []
            for number in 1...count {
                let question = Document(object: ["message": .string("question \(number)"), "requestedSchema": [:]])
                guard call.envelope != nil else {
                    answers.append(try await call.request(method, question).value)
                    continue
                }
                // The state is all that it knows of the rounds before.
                let before = try state(of: call)
                if before.count >= number {
                    answers.append(before[number - 1])
                    continue
                }
                if before.count == number - 1, let answer = call.inputResponses?["q\(number)"] {
                    answers.append(answer)
                    continue
                }
                return MCPInputRequired(
                    requests: [.init(key: "q\(number)", method: method, params: question)],
                    state: Value.array(answers).description
                ).result
            }
            let text = Value.array(answers).description
            switch call.method {
            case "prompts/get":
                return Document(object: [
                    "messages": [["role": "user", "content": ["type": "text", "text": .string(text)]]]
                ])
            case "resources/read": return Document(object: ["contents": [["uri": "x:1", "text": .string(text)]]])
            default: return TestUpstream.text(text)
            }
        }
    }

    private static func state(of call: MCPServerCall) throws(JSONRPCError) -> [Value] {
        guard let text = call.requestState else { return [] }
        guard let value = try? JSONParser.decode(text.utf8), let answers = value.arrayValue else {
            throw JSONRPCError.invalidParams("the state has not come back as it was: \(text)")
        }
        return answers
    }
}
