// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// The tools.
extension DemoApplication {
    func toolList(_ params: Document, _ call: MCPServerCall) throws(JSONRPCError) -> Document {
        let showsExtra = showsExtraTool(call)
        let tools = DemoTool.allCases.filter { $0 != .extra || showsExtra }.map(\.description)
        return try DemoPage.of(tools, named: "tools", params)
    }

    func callTool(_ params: Document, _ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        guard let name = params["name"]?.stringValue else { throw .invalidParams("name, the tool, is missing") }
        guard let tool = DemoTool(rawValue: name), tool != .extra || showsExtraTool(call) else {
            let advice = name.closestMatch(among: DemoTool.allCases.map(\.rawValue)).map { "; did you mean \($0)?" }
            throw .invalidParams("Unknown tool: \(name)\(advice ?? "")")
        }
        let arguments = params["arguments"]?.objectValue ?? [:]
        switch tool {
        case .echo: return try echo(arguments)
        case .add: return try add(arguments)
        case .slow: return try await slow(arguments, call)
        case .fail: return try fail(arguments)
        case .image: return DemoContent.result([DemoContent.image])
        case .mixed: return mixed()
        case .ask: return try await ask(arguments, call)
        case .announce: return announce(call)
        case .touch: return try touch(arguments, call)
        case .extra: return DemoContent.result([DemoContent.text("extra")])
        }
    }

    private func showsExtraTool(_ call: MCPServerCall) -> Bool {
        call.envelope == nil ? state(of: call.session).showsExtraTool : shared.showsExtraTool
    }

    /// Input that does not fit the schema is an error of the tool, which a model can correct (MCP 2025-11-25, Tools).
    private func badInput(_ message: String) -> Document {
        DemoContent.result([DemoContent.text("Invalid arguments: \(message)")], isError: true)
    }

    private func echo(_ arguments: ValueObject) throws(JSONRPCError) -> Document {
        guard case .string(let text) = arguments["text"] else { return badInput("text must be a string") }
        return DemoContent.result([DemoContent.text(text)])
    }

    private func add(_ arguments: ValueObject) throws(JSONRPCError) -> Document {
        let sum: Value
        switch (arguments["a"], arguments["b"]) {
        case (.int(let left), .int(let right)):
            let (exact, overflow) = left.addingReportingOverflow(right)
            sum = overflow ? .double(Double(left) + Double(right)) : .int(exact)
        case (let left?, let right?):
            guard let left = left.doubleValue, let right = right.doubleValue, (left + right).isFinite else {
                return badInput("a and b must be numbers whose sum is one")
            }
            sum = .double(left + right)
        default: return badInput("a and b must be numbers")
        }
        return Document(object: [
            "content": [DemoContent.text(sum.description)], "structuredContent": ["sum": sum], "isError": false,
        ])
    }

    private func slow(_ arguments: ValueObject, _ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        let steps = arguments["steps"]?.intValue ?? 5
        let delay = arguments["delay_ms"]?.intValue ?? 200
        guard (1...1_000).contains(steps), (0...60_000).contains(delay) else {
            return badInput("steps must be 1 to 1000 and delay_ms 0 to 60000")
        }
        let token = call.progressToken
        for step in 1...steps {
            do {
                try await Task.sleep(for: .milliseconds(delay))
            } catch {
                throw .internalError("cancelled after \(step - 1) of \(steps) steps")
            }
            log(.info, "step \(step) of \(steps)", call)
            guard let token else { continue }
            let progress: ValueObject = [
                "progressToken": token, "progress": .int(step), "total": .int(steps),
                "message": .string("step \(step) of \(steps)"),
            ]
            call.notify("notifications/progress", Document(object: progress))
        }
        return DemoContent.result([DemoContent.text("done in \(steps) steps")])
    }

    private func log(_ level: MCPLogLevel, _ text: String, _ call: MCPServerCall) {
        // What a client without a session wants to hear, its request says, and the core follows.
        guard call.envelope != nil || level >= state(of: call.session).logLevel else { return }
        let message: ValueObject = ["level": .string(level.rawValue), "logger": "demo", "data": .string(text)]
        call.notify("notifications/message", Document(object: message))
    }

    private func fail(_ arguments: ValueObject) throws(JSONRPCError) -> Document {
        switch arguments["kind"]?.stringValue ?? "tool" {
        case "protocol":
            throw JSONRPCError(code: 1_234, message: "the demo server fails, as asked", data: ["kind": "protocol"])
        case "tool": return DemoContent.result([DemoContent.text("the tool fails, as asked")], isError: true)
        default: return badInput("kind must be tool or protocol")
        }
    }

    private func mixed() -> Document {
        DemoContent.result([
            DemoContent.text("one of each"), DemoContent.image, DemoContent.audio,
            [
                "type": "resource_link", "uri": .string(DemoResources.readme), "name": "readme",
                "mimeType": "text/plain",
            ],
            ["type": "resource", "resource": DemoResources.contents(of: DemoResources.logo) ?? nil],
        ])
    }

    private func ask(_ arguments: ValueObject, _ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        let text = arguments["text"]?.stringValue ?? "Hello?"
        guard let what = arguments["what"]?.stringValue, let question = Self.questions[what] else {
            return badInput("what must be sampling, elicitation or roots")
        }
        guard call.envelope != nil || call.session.clientCapabilities.contains(what) else {
            return DemoContent.result([DemoContent.text("the client has not declared \(what)")], isError: true)
        }
        let params: ValueObject =
            switch what {
            case "sampling":
                [
                    "messages": [["role": "user", "content": DemoContent.text(text)]], "maxTokens": 100,
                ]
            case "elicitation":
                [
                    "message": .string(text),
                    "requestedSchema": [
                        "type": "object", "properties": ["answer": ["type": "string"]], "required": ["answer"],
                    ],
                ]
            default: [:]
            }
        guard call.envelope != nil else {
            let answer = try await call.request(question, Document(object: params))
            return DemoContent.result([DemoContent.text(answer.value.description)])
        }
        // There is nothing to keep secret, and nothing that another text could get at: a state of one's own has to be sealed.
        let askedState = "asked-\(what)"
        guard let answer = call.inputResponses?["answer"] else {
            return MCPInputRequired(
                requests: [.init(key: "answer", method: question, params: Document(object: params))], state: askedState
            ).result
        }
        guard let state = call.requestState, state.hasSameBytes(as: askedState) else {
            throw .invalidParams("requestState is not the one that came with the question; send it back as it was")
        }
        return DemoContent.result([DemoContent.text(answer.description)])
    }

    private static let questions = [
        "sampling": "sampling/createMessage", "elicitation": "elicitation/create", "roots": "roots/list",
    ]

    private func announce(_ call: MCPServerCall) -> Document {
        guard call.envelope == nil else { return shared.announce() }
        change(call.session) { $0.showsExtraTool.toggle() }
        call.session.notify("notifications/tools/list_changed", nil)
        let isShown = state(of: call.session).showsExtraTool
        return DemoContent.result([DemoContent.text(isShown ? "extra is listed now" : "extra is listed no more")])
    }

    private func touch(_ arguments: ValueObject, _ call: MCPServerCall) throws(JSONRPCError) -> Document {
        guard let uri = arguments["uri"]?.stringValue, DemoResources.exists(uri) else {
            return badInput("uri must be that of a resource")
        }
        guard call.envelope == nil else { return shared.touch(uri) }
        let isSubscribed = state(of: call.session).subscriptions.contains(ByteKey(uri))
        if isSubscribed {
            call.session.notify("notifications/resources/updated", Document(object: ["uri": .string(uri)]))
        }
        return DemoContent.result([DemoContent.text(isSubscribed ? "told" : "not subscribed")])
    }
}
