// SPDX-License-Identifier: Apache-2.0

public import Values

/// A tool call about to be made: the payload of `tool_pre_invoke`.
///
/// A plugin may change `name`, `args` and `headers`.
public struct ToolCall: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `name` (string, required), `args` (object) and `headers` (object of strings).
    public init(document: Document) throws(ValueError) {
        try document.requireString("name")
        try document.checkObject("args")
        try document.checkStrings("headers")
        self.document = document
    }

    /// Makes a payload.
    public init(name: String, args: ValueObject? = nil, headers: ValueObject? = nil) {
        document = Document(object: [
            "name": .string(name), "args": args.map(Value.object) ?? .null,
            "headers": headers.map(Value.object) ?? .null,
        ])
    }

    /// The tool's name.
    public var name: String {
        get { document["name"]?.stringValue ?? "" }
        set { document["name"] = .string(newValue) }
    }

    /// The arguments.
    public var args: ValueObject? {
        get { document["args"]?.objectValue }
        set { document["args"] = newValue.map(Value.object) ?? .null }
    }

    /// The HTTP headers that go to the tool: names to strings.
    public var headers: ValueObject? {
        get { document["headers"]?.objectValue }
        set { document["headers"] = newValue.map(Value.object) ?? .null }
    }
}

/// What a tool answered: the payload of `tool_post_invoke`.
///
/// A plugin may change `result`.
public struct ToolResult: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `name` (string, required); `result` may be anything, and absent counts as null.
    public init(document: Document) throws(ValueError) {
        try document.requireString("name")
        self.document = document
    }

    /// Makes a payload.
    public init(name: String, result: Value) {
        document = Document(object: ["name": .string(name), "result": result])
    }

    /// The tool's name.
    public var name: String { document["name"]?.stringValue ?? "" }

    /// The answer; for an MCP tool an object with `content`.
    public var result: Value {
        get { document["result"] ?? .null }
        set { document["result"] = newValue }
    }
}
