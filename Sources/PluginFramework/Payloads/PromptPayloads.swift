// SPDX-License-Identifier: Apache-2.0

public import Values

/// A prompt about to be fetched: the payload of `prompt_pre_fetch`.
///
/// A plugin may change `args`.
public struct PromptRequest: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `prompt_id` (string, required) and `args` (object of strings).
    public init(document: Document) throws(ValueError) {
        try document.requireString("prompt_id")
        try document.checkStrings("args")
        self.document = document
    }

    /// Makes a payload.
    public init(promptID: String, args: ValueObject? = nil) {
        document = Document(object: ["prompt_id": .string(promptID), "args": args.map(Value.object) ?? .null])
    }

    /// The prompt's identifier.
    public var promptID: String { document["prompt_id"]?.stringValue ?? "" }

    /// The arguments the prompt is rendered with: names to strings.
    public var args: ValueObject? {
        get { document["args"]?.objectValue }
        set { document["args"] = newValue.map(Value.object) ?? .null }
    }
}

/// A rendered prompt: the payload of `prompt_post_fetch`.
///
/// A plugin may change `result`.
public struct PromptResponse: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `prompt_id` (string, required) and `result` (object with an array `messages`, required).
    public init(document: Document) throws(ValueError) {
        try document.requireString("prompt_id")
        try document.requireMember("result")
        try document.checkObject("result")
        self.document = document
    }

    /// Makes a payload.
    public init(promptID: String, result: ValueObject) {
        document = Document(object: ["prompt_id": .string(promptID), "result": .object(result)])
    }

    /// The prompt's identifier.
    public var promptID: String { document["prompt_id"]?.stringValue ?? "" }

    /// The rendered prompt: `messages`, and perhaps a `description`.
    public var result: ValueObject {
        get { document["result"]?.objectValue ?? [:] }
        set { document["result"] = .object(newValue) }
    }

    /// The messages of the result, each an object with `role` and `content`.
    public var messages: [Value] {
        get { result["messages"]?.arrayValue ?? [] }
        set { result["messages"] = .array(newValue) }
    }
}
