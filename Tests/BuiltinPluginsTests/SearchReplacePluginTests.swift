// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import BuiltinPlugins

struct SearchReplacePluginTests {
    private func plugin(_ words: (String, String)...) throws -> SearchReplacePlugin {
        let list = words.map { Value.object(["search": .string($0.0), "replace": .string($0.1)]) }
        return try makePlugin(SearchReplacePlugin.self, ["words": .array(list)])
    }

    @Test func isKnownByContextForgesName() {
        #expect(SearchReplacePlugin.kindAliases.contains("plugins.regex_filter.search_replace.SearchReplacePlugin"))
    }

    @Test func rulesApplyOneAfterTheOther() async throws {
        let verdict = try await plugin(("bad", "not good"), ("not good", "could be better")).promptPreFetch(
            PromptRequest(promptID: "p", args: ["a": "bad", "b": "fine"]), context: makeContext())
        #expect(verdict.change?.args == ["a": "could be better", "b": "fine"])
    }

    @Test func patternsAndReplacementsAreThoseOfPython() async throws {
        let plugin = try plugin((#"(?P<y>\d{4})-(\d\d)"#, #"\2/\g<y>"#), (#"(?i)\bstraße\b"#, "street"))
        let verdict = try await plugin.toolPreInvoke(
            ToolCall(name: "t", args: ["a": "2024-05 STRASSE Straße", "n": 5, "deep": ["2024-05"]]),
            context: makeContext())
        #expect(verdict.change?.args == ["a": "05/2024 STRASSE street", "n": 5, "deep": ["2024-05"]])
    }

    @Test func replacesInMessages() async throws {
        let result: ValueObject = [
            "messages": [
                ["role": "user", "content": ["type": "text", "text": "crap"]], ["role": "user"],
                ["role": "user", "content": ["type": "image", "data": "crap"]],
            ]
        ]
        let verdict = try await plugin(("crap", "crud")).promptPostFetch(
            PromptResponse(promptID: "p", result: result), context: makeContext())
        #expect(
            verdict.change?.messages == [
                ["role": "user", "content": ["type": "text", "text": "crud"]], ["role": "user"],
                ["role": "user", "content": ["type": "image", "data": "crap"]],
            ])
    }

    @Test(
        arguments: [
            ("crap", "crud"), (["a": "crap", "b": 1], ["a": "crud", "b": 1]),
            (
                ["content": [["type": "text", "text": "crap"], ["type": "image", "data": "crap"]], "note": "crap"],
                ["content": [["type": "text", "text": "crud"], ["type": "image", "data": "crap"]], "note": "crud"]
            ),
        ] as [(Value, Value)])
    func replacesInToolResults(result: Value, expected: Value) async throws {
        let verdict = try await plugin(("crap", "crud")).toolPostInvoke(
            ToolResult(name: "t", result: result), context: makeContext())
        #expect(verdict.change?.result == expected)
    }

    @Test(arguments: [["crap"], 5, nil, "fine", ["a": ["b": "crap"]]] as [Value])
    func leavesOtherResultsUnchanged(result: Value) async throws {
        let verdict = try await plugin(("crap", "crud")).toolPostInvoke(
            ToolResult(name: "t", result: result), context: makeContext())
        #expect(verdict.change == nil)
    }

    @Test func replacingATextByItselfIsNoChange() async throws {
        let verdict = try await plugin(("a", "b"), ("b", "a")).toolPreInvoke(
            ToolCall(name: "t", args: ["a": "aa"]), context: makeContext())
        #expect(verdict.change == nil)
    }

    @Test(
        arguments: [
            ([:], "words: is empty"), (["words": [["search": "["]]], "words.0.replace"),
            (
                ["words": [["search": "a", "replace": "b"], ["search": "[", "replace": ""]]],
                "words.1.search: pattern '['"
            ),
            (["words": [["search": "(a)", "replace": "\\2"]]], "words.0.replace: replacement '\\2'"),
            (["words": [["search": "a", "replace": "b", "flags": "i"]]], "words.0.flags"),
            (["word": []], "did you mean"),
        ] as [(Value, String)])
    func badSettingIsAnErrorThatNamesTheKey(config: Value, expected: String) throws {
        let error = try #require(settingsError(SearchReplacePlugin.self, config))
        #expect(error.contains(expected), "\(error)")
    }

    @Test(.timeLimit(.minutes(1))) func hostileTextEndsTheCallNotTheServer() async throws {
        let plugin = try plugin(("(x+x+)+y", ""))
        await #expect(throws: PatternError.self) {
            _ = try await plugin.toolPreInvoke(
                ToolCall(
                    name: "t",
                    args: ["a": .string(String(repeating: "x", count: 100) + String(repeating: "xz", count: 50) + "y")]),
                context: makeContext())
        }
    }
}
