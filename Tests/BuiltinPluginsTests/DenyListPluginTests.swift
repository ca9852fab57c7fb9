// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Logging
import PluginFramework
import Testing
import Values

@testable import BuiltinPlugins

struct DenyListPluginTests {
    private func blocks(_ text: String, _ words: [String]) async throws -> Bool {
        let plugin = try makePlugin(DenyListPlugin.self, ["words": .array(words.map(Value.string))])
        let verdict = try await plugin.promptPreFetch(
            PromptRequest(promptID: "p", args: ["first": "fine", "second": .string(text)]), context: makeContext())
        return verdict.violation != nil
    }

    @Test func blocksAsContextForgeDoes() async throws {
        let plugin = try makePlugin(DenyListPlugin.self, ["words": ["innovative", "revolutionary"]])
        let verdict = try await plugin.promptPreFetch(
            PromptRequest(promptID: "p", args: ["user": "say revolutionary"]), context: makeContext())
        #expect(verdict.violation?.code == "deny")
        #expect(verdict.violation?.reason == "Prompt not allowed")
        #expect(verdict.violation?.description == "A deny word was found in the prompt")
        #expect(verdict.change == nil)
        #expect(DenyListPlugin.kindAliases.contains("plugins.deny_filter.deny.DenyListPlugin"))
    }

    @Test(arguments: [
        ("a counterrevolutionary idea", ["revolution"], true), ("Revolution", ["revolution"], false),
        ("", ["a"], false),
        ("ushers", ["he", "she", "his", "hers"], true), ("abcabd", ["abcd", "abd"], true),
        ("abab", ["abc", "ba"], true),
        ("aab", ["ab"], true), ("naïve", ["ïv"], true), ("nai\u{308}ve", ["ï"], false), ("\r\n", ["\n"], true),
        ("xyz", ["xyzz", "yzz"], false), ("1.5", ["."], true), ("abc", ["b.*"], false),
    ])
    func wordIsAPlainTextAnywhere(text: String, words: [String], isBlocked: Bool) async throws {
        #expect(try await blocks(text, words) == isBlocked)
    }

    @Test(arguments: [
        ("short", "short"), (String(repeating: "é", count: 5_000), String(repeating: "é", count: 64) + "…"),
    ])
    func logShowsNoMoreThanTheBeginOfAnArgumentsName(key: String, shown: String) async throws {
        let lines = LogLines()
        var settings = DenyListSettings()
        settings.words = ["bad"]
        let plugin = try DenyListPlugin(
            settings: settings, logger: Logger(label: "test") { _ in CollectingLogHandler(lines: lines) })
        _ = try await plugin.promptPreFetch(
            PromptRequest(promptID: "p", args: [key: "a bad word"]), context: makeContext())
        #expect(lines.all == ["deny word in prompt argument argument=\(shown)"])
    }

    @Test func namesOfArgumentsAreNotSearched() async throws {
        let plugin = try makePlugin(DenyListPlugin.self, ["words": ["bad"]])
        let verdict = try await plugin.promptPreFetch(
            PromptRequest(promptID: "p", args: ["bad": "a good word"]), context: makeContext())
        #expect(verdict.violation == nil)
    }

    @Test func promptWithoutArgumentsPasses() async throws {
        let plugin = try makePlugin(DenyListPlugin.self, ["words": ["a"]])
        #expect(try await plugin.promptPreFetch(PromptRequest(promptID: "a"), context: makeContext()).violation == nil)
    }

    @Test func findsWhatANaiveSearchFinds() throws {
        var random = SeededGenerator(seed: 7)
        func text(_ count: Int) -> String {
            (0..<count).map { _ in ["a", "b", "c", "é"].randomElement(using: &random) ?? "a" }.joined()
        }
        for _ in 0..<2_000 {
            let words = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                text(Int.random(in: 1...4, using: &random))
            }
            let sample = text(Int.random(in: 0...8, using: &random))
            let expected = words.contains { word in
                let bytes = Array(sample.utf8)
                let needle = Array(word.utf8)
                return bytes.count >= needle.count
                    && (0...(bytes.count - needle.count)).contains { bytes[$0..<($0 + needle.count)] == needle[...] }
            }
            #expect(DenyWords(words).occur(in: sample) == expected, "\(words) in \(sample)")
        }
    }

    @Test(
        arguments: [
            ([:], "words: is empty"), (["words": ["a", ""]], "words.1: is empty"), (["words": "a"], "words"),
            (["words": [1]], "words.0"), (["wrods": ["a"]], "did you mean"),
        ] as [(Value, String)])
    func badSettingIsAnErrorThatNamesTheKey(config: Value, expected: String) throws {
        let error = try #require(settingsError(DenyListPlugin.self, config))
        #expect(error.contains(expected), "\(error)")
    }
}
