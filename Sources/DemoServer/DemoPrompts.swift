// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// The prompts, and the completion of their arguments.
enum DemoPrompts {
    private static let styles = ["formal", "friendly", "funny"]

    private static let greeting: Value = [
        "name": "greeting", "title": "Greeting", "description": "Greets somebody.",
        "arguments": [
            ["name": "name", "description": "Who is greeted.", "required": true],
            ["name": "style", "description": "How: formal, friendly or funny.", "required": false],
        ],
    ]

    private static let picture: Value = [
        "name": "picture", "description": "Asks what is on a picture.", "arguments": [],
    ]

    static func list(_ params: Document) throws(JSONRPCError) -> Document {
        try DemoPage.of([greeting, picture], named: "prompts", params)
    }

    static func get(_ params: Document) throws(JSONRPCError) -> Document {
        guard let name = params["name"]?.stringValue else { throw .invalidParams("name, the prompt, is missing") }
        let arguments = params["arguments"]?.objectValue ?? [:]
        let content: [Value]
        switch name {
        case "greeting":
            guard let person = arguments["name"]?.stringValue else {
                throw .invalidParams("the prompt greeting needs the argument name")
            }
            let style = arguments["style"]?.stringValue ?? "friendly"
            content = [DemoContent.text("Please write a \(style) greeting for \(person).")]
        case "picture": content = [DemoContent.text("What is on this picture?"), DemoContent.image]
        default: throw .invalidParams("Unknown prompt: \(name)")
        }
        let messages = content.map { Value.object(["role": "user", "content": $0]) }
        return Document(object: ["description": .string("The prompt \(name)"), "messages": .array(messages)])
    }

    static func complete(_ params: Document) throws(JSONRPCError) -> Document {
        let argument = params["argument"]
        guard let argumentName = argument?["name"]?.stringValue, let begun = argument?["value"]?.stringValue else {
            throw .invalidParams("argument needs name and value")
        }
        let candidates: [String]
        switch (params["ref"]?["type"]?.stringValue, argumentName) {
        case ("ref/prompt", "style") where params["ref"]?["name"]?.stringValue == "greeting": candidates = styles
        case ("ref/prompt", _) where params["ref"]?["name"]?.stringValue == "greeting": candidates = []
        case ("ref/resource", "name") where params["ref"]?["uri"]?.stringValue == DemoResources.template:
            candidates = DemoResources.notes
        default: throw .invalidParams("ref names no prompt and no resource template of this server")
        }
        let values = candidates.filter { $0.hasPrefix(begun) }
        return Document(object: [
            "completion": [
                "values": .array(values.map { .string($0) }), "total": .int(Int64(values.count)), "hasMore": false,
            ]
        ])
    }
}
