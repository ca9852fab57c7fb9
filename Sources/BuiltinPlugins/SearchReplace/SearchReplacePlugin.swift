// SPDX-License-Identifier: Apache-2.0

public import PluginFramework
internal import Values

/// The settings of `SearchReplacePlugin`.
public struct SearchReplaceSettings: PluginSettings {
    /// What to search for and what to put in its place, applied one after the other, each to the whole text.
    public var words: [SearchReplaceWord] = []

    /// Nothing to replace.
    public init() {}
}

/// One pair of a search pattern and its replacement.
public struct SearchReplaceWord: Codable, Sendable {
    /// A pattern in the syntax of Python's `re`.
    public var search: String
    /// The replacement in the syntax of Python's `re.sub`: `\1`, `\g<name>`, `\n`.
    public var replace: String
}

/// Replaces what patterns match, with the meaning of Python's `re.sub`.
///
/// The texts are ContextForge's: every argument of a prompt that is a string, the text of every message, every tool
/// argument that is a string, and of a tool result the whole if it is a string. Of a tool result that is an object:
/// its members that are strings, and the texts of its content items (`content[].text`), where an MCP tool's text is.
/// Deeper strings stay as they are, as there.
public struct SearchReplacePlugin: Plugin {
    public static let kind = "SearchReplacePlugin"
    public static let kindAliases = ["search_replace", "plugins.regex_filter.search_replace.SearchReplacePlugin"]

    private struct Rule {
        let pattern: Pattern
        let replacement: Replacement
    }

    private let rules: [Rule]

    /// - Throws: `SettingsError` for a pattern or a replacement that Python would refuse too.
    public init(settings: SearchReplaceSettings) throws {
        if settings.words.isEmpty {
            throw SettingsError(key: "words", "is empty; list at least one {search, replace}")
        }
        rules = try settings.words.enumerated().map { index, word in
            let pattern: Pattern
            do {
                pattern = try Pattern(word.search)
            } catch {
                throw SettingsError(key: "words.\(index).search", "\(error)")
            }
            do {
                return Rule(pattern: pattern, replacement: try Replacement(word.replace, for: pattern))
            } catch {
                throw SettingsError(key: "words.\(index).replace", "\(error)")
            }
        }
    }

    /// The text after all rules; nil when none matched.
    private func replaced(_ text: String, _ budget: inout MatchBudget) throws -> String? {
        var current = text
        var isChanged = false
        for rule in rules {
            if let new = try rule.pattern.replacingMatches(in: current, with: rule.replacement, budget: &budget) {
                current = new
                isChanged = true
            }
        }
        return isChanged && !current.hasSameBytes(as: text) ? current : nil
    }

    /// The members with their strings replaced; nil when none changed.
    private func replaced(members: ValueObject, _ budget: inout MatchBudget) throws -> ValueObject? {
        var changed: ValueObject?
        for member in members {
            guard let text = member.value.stringValue, let new = try replaced(text, &budget) else { continue }
            if changed == nil { changed = members }
            changed?[member.key] = .string(new)
        }
        return changed
    }

    /// The items (of `content` of a result, or the content of a message) with their `text` replaced.
    private func replaced(items: [Value], _ budget: inout MatchBudget) throws -> [Value]? {
        var changed: [Value]?
        for (index, item) in items.enumerated() {
            guard let text = item["text"]?.stringValue, let new = try replaced(text, &budget),
                var object = item.objectValue
            else { continue }
            object["text"] = .string(new)
            if changed == nil { changed = items }
            changed?[index] = .object(object)
        }
        return changed
    }
}

extension SearchReplacePlugin: PromptPreFetch, PromptPostFetch, ToolPreInvoke, ToolPostInvoke {
    /// Replaces in the arguments.
    public func promptPreFetch(
        _ request: PromptRequest, context: PluginContext
    ) async throws -> Verdict<PromptRequest> {
        var budget = MatchBudget()
        guard let args = request.args, let new = try replaced(members: args, &budget) else { return .pass }
        var changed = request
        changed.args = new
        return .pass(changed)
    }

    /// Replaces in the texts of the messages.
    public func promptPostFetch(
        _ response: PromptResponse, context: PluginContext
    ) async throws -> Verdict<PromptResponse> {
        var budget = MatchBudget()
        let contents = response.messages.map { $0["content"] ?? .null }
        guard let new = try replaced(items: contents, &budget) else { return .pass }
        var changed = response
        changed.messages = zip(response.messages, new).map { message, content in
            guard var object = message.objectValue, object["content"] != nil else { return message }
            object["content"] = content
            return .object(object)
        }
        return .pass(changed)
    }

    /// Replaces in the arguments that are strings.
    public func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        var budget = MatchBudget()
        guard let args = call.args, let new = try replaced(members: args, &budget) else { return .pass }
        var changed = call
        changed.args = new
        return .pass(changed)
    }

    /// Replaces in a result that is a string, or in the strings and content texts of one that is an object.
    public func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        var budget = MatchBudget()
        var changed = result
        switch result.result {
        case .string(let text):
            guard let new = try replaced(text, &budget) else { return .pass }
            changed.result = .string(new)
        case .object(let members):
            let strings = try replaced(members: members, &budget)
            let items = try members["content"]?.arrayValue.flatMap { try replaced(items: $0, &budget) }
            guard strings != nil || items != nil else { return .pass }
            var object = strings ?? members
            if let items { object["content"] = .array(items) }
            changed.result = .object(object)
        default:
            return .pass
        }
        return .pass(changed)
    }
}
