// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// What a client asks for that plugins look at, before and after.
enum PolicyPoint: Sendable {
    case tool, prompt, resource

    var preHook: HookName {
        switch self {
        case .tool: .toolPreInvoke
        case .prompt: .promptPreFetch
        case .resource: .resourcePreFetch
        }
    }

    var postHook: HookName {
        switch self {
        case .tool: .toolPostInvoke
        case .prompt: .promptPostFetch
        case .resource: .resourcePostFetch
        }
    }

    /// What `http_auth_check_permission` is asked for, in ContextForge's words.
    var permission: (name: String, resourceType: String) {
        switch self {
        case .tool: ("tools.execute", "tool")
        case .prompt: ("prompts.read", "prompt")
        case .resource: ("resources.read", "resource")
        }
    }

    /// A text of an upstream that is no result, as the payload of the post hook: what plugins look for in results they find there.
    func utterance(_ text: String, about subject: String, isError: Bool) -> Document {
        switch self {
        case .tool:
            var result: ValueObject = ["content": [["type": "text", "text": .string(text)]]]
            if isError { result["isError"] = true }
            return ToolResult(name: subject, result: .object(result)).document
        case .prompt:
            let message: Value = ["role": "assistant", "content": ["type": "text", "text": .string(text)]]
            return PromptResponse(promptID: subject, result: ["messages": [message]]).document
        case .resource:
            return ResourceContent(
                uri: subject, content: ["type": "resource", "uri": .string(subject), "text": .string(text)]
            ).document
        }
    }

    /// The text of an utterance that a plugin changed; nil when it is no longer one text.
    func text(of utterance: Document) -> String? {
        switch self {
        case .tool:
            switch utterance["result"] {
            case .string(let text)?: return text
            case let result?: return Self.onlyText(result["content"]?.arrayValue)
            case nil: return nil
            }
        case .prompt:
            guard let messages = utterance["result"]?["messages"]?.arrayValue, messages.count == 1,
                let content = messages[0]["content"]
            else { return nil }
            return content["text"]?.stringValue
        case .resource:
            switch utterance["content"] {
            case .string(let text)?: return text
            case let content?: return content["text"]?.stringValue
            case nil: return nil
            }
        }
    }

    private static func onlyText(_ blocks: [Value]?) -> String? {
        guard let blocks, blocks.count == 1, blocks[0]["type"]?.stringValue == "text" else { return nil }
        return blocks[0]["text"]?.stringValue
    }
}
