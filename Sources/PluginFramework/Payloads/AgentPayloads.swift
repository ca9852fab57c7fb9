// SPDX-License-Identifier: Apache-2.0

public import Values

/// A call of an agent about to be made: the payload of `agent_pre_invoke`.
///
/// A plugin may change all of it.
public struct AgentCall: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `agent_id` (string, required), `messages` (array, required) and the types of the other members.
    public init(document: Document) throws(ValueError) {
        try document.requireString("agent_id")
        try document.checkArray("messages", required: true)
        try document.checkArray("tools")
        try document.checkStrings("headers")
        try document.checkString("model")
        try document.checkString("system_prompt")
        try document.checkObject("parameters")
        self.document = document
    }

    /// Makes a payload.
    public init(agentID: String, messages: [Value]) {
        document = Document(object: ["agent_id": .string(agentID), "messages": .array(messages)])
    }

    /// The agent's identifier.
    public var agentID: String {
        get { document["agent_id"]?.stringValue ?? "" }
        set { document["agent_id"] = .string(newValue) }
    }

    /// The conversation, each an object with `role` and `content`.
    public var messages: [Value] {
        get { document["messages"]?.arrayValue ?? [] }
        set { document["messages"] = .array(newValue) }
    }

    /// The names of the tools that the agent may use.
    public var tools: [Value]? {
        get { document["tools"]?.arrayValue }
        set { document["tools"] = newValue.map(Value.array) ?? .null }
    }

    /// The HTTP headers that go to the agent: names to strings.
    public var headers: ValueObject? {
        get { document["headers"]?.objectValue }
        set { document["headers"] = newValue.map(Value.object) ?? .null }
    }

    /// The model to use.
    public var model: String? {
        get { document["model"]?.stringValue }
        set { document["model"] = newValue.map(Value.string) ?? .null }
    }

    /// The instructions that precede the conversation.
    public var systemPrompt: String? {
        get { document["system_prompt"]?.stringValue }
        set { document["system_prompt"] = newValue.map(Value.string) ?? .null }
    }

    /// Further parameters of the model.
    public var parameters: ValueObject? {
        get { document["parameters"]?.objectValue }
        set { document["parameters"] = newValue.map(Value.object) ?? .null }
    }
}

/// What an agent answered: the payload of `agent_post_invoke`.
///
/// A plugin may change `messages` and `tool_calls`.
public struct AgentResponse: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `agent_id` (string, required), `messages` (array, required) and `tool_calls` (array).
    public init(document: Document) throws(ValueError) {
        try document.requireString("agent_id")
        try document.checkArray("messages", required: true)
        try document.checkArray("tool_calls")
        self.document = document
    }

    /// Makes a payload.
    public init(agentID: String, messages: [Value], toolCalls: [Value]? = nil) {
        document = Document(object: [
            "agent_id": .string(agentID), "messages": .array(messages),
            "tool_calls": toolCalls.map(Value.array) ?? .null,
        ])
    }

    /// The agent's identifier.
    public var agentID: String { document["agent_id"]?.stringValue ?? "" }

    /// The answer, each an object with `role` and `content`.
    public var messages: [Value] {
        get { document["messages"]?.arrayValue ?? [] }
        set { document["messages"] = .array(newValue) }
    }

    /// The tool calls that the agent asks for.
    public var toolCalls: [Value]? {
        get { document["tool_calls"]?.arrayValue }
        set { document["tool_calls"] = newValue.map(Value.array) ?? .null }
    }
}
