// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// The tools of the demo server.
enum DemoTool: String, CaseIterable {
    case echo, add, slow, fail, image, mixed, ask, announce, touch, extra

    /// What `tools/list` says of it.
    var description: Value {
        var object: ValueObject = [
            "name": .string(rawValue), "title": .string(title), "description": .string(explanation),
            "inputSchema": inputSchema,
        ]
        if let outputSchema { object["outputSchema"] = outputSchema }
        object["annotations"] = ["readOnlyHint": .bool(self != .announce), "openWorldHint": false]
        return .object(object)
    }

    private var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    private var explanation: String {
        switch self {
        case .echo: "Says what it is told."
        case .add: "Adds two numbers."
        case .slow: "Takes its time, and reports its progress."
        case .fail: "Fails, with an error of the tool or of the protocol."
        case .image: "Gives a small picture."
        case .mixed: "Gives content of every kind."
        case .ask: "Asks the client something: sampling, elicitation or roots."
        case .announce: "Adds a tool to the list, or takes it away, and says that the list has changed."
        case .touch: "Says that a resource has changed, to those who have subscribed to it."
        case .extra: "Is listed when announce has said so."
        }
    }

    private var inputSchema: Value {
        switch self {
        case .echo: Self.schema(["text": ["type": "string", "description": "What to say."]], required: ["text"])
        case .add: Self.schema(["a": ["type": "number"], "b": ["type": "number"]], required: ["a", "b"])
        case .slow:
            Self.schema(
                [
                    "steps": ["type": "integer", "minimum": 1, "maximum": 1000, "default": 5],
                    "delay_ms": ["type": "integer", "minimum": 0, "maximum": 60_000, "default": 200],
                ], required: [])
        case .fail:
            Self.schema(["kind": ["type": "string", "enum": ["tool", "protocol"], "default": "tool"]], required: [])
        case .image, .mixed, .announce, .extra: Self.schema([:], required: [])
        case .ask:
            Self.schema(
                [
                    "what": ["type": "string", "enum": ["sampling", "elicitation", "roots"]],
                    "text": ["type": "string", "default": "Hello?"],
                ], required: ["what"])
        case .touch: Self.schema(["uri": ["type": "string", "format": "uri"]], required: ["uri"])
        }
    }

    private var outputSchema: Value? {
        guard self == .add else { return nil }
        return Self.schema(["sum": ["type": "number"]], required: ["sum"])
    }

    private static func schema(_ properties: ValueObject, required: [Value]) -> Value {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": .object(properties), "required": .array(required), "additionalProperties": false,
        ]
    }
}

/// Content as tools and prompts give it.
enum DemoContent {
    /// A picture of one red pixel, PNG.
    static let picture =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    /// A WAV file of four samples of silence, 8 bits, 8 kHz.
    static let sound = "UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQQAAACAgICA"

    static func text(_ text: String) -> Value { ["type": "text", "text": .string(text)] }

    static let image: Value = ["type": "image", "data": .string(picture), "mimeType": "image/png"]
    static let audio: Value = ["type": "audio", "data": .string(sound), "mimeType": "audio/wav"]

    /// A result of a tool.
    static func result(_ content: [Value], isError: Bool = false) -> Document {
        Document(object: ["content": .array(content), "isError": .bool(isError)])
    }
}
