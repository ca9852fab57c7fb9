// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// What comes in, before any plugin sees it.
@Suite struct PipelineInputTests {
    private func run(_ text: String, limit: Int? = 1 << 20) async throws -> (outcome: PipelineOutcome, asked: Int) {
        try await run(Array(text.utf8), limit: limit)
    }

    private func run(_ bytes: [UInt8], limit: Int? = 1 << 20) async throws -> (outcome: PipelineOutcome, asked: Int) {
        let invoker = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([PipelinePlugin(Pipelines.entry("P", .permissive), invoker: invoker)]) {
            $0.maximumPayloadSize = limit
        }
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, json: bytes, in: &request)
        return (outcome, invoker.invocations.count)
    }

    @Test func whatTwoReadersCouldUnderstandDifferentlyIsRefusedBeforeAnyPluginSeesIt() async throws {
        let deep =
            #"{"name":"t","args":"# + String(repeating: "[", count: 120) + String(repeating: "]", count: 120) + "}"
        let texts: [[UInt8]] = [
            Array(#"{"name":"a","name":"b"}"#.utf8), Array(#"{"name":"t","args":{"x":1,"\u0078":2}}"#.utf8),
            Array(#"{"name":""#.utf8) + [0xFF] + Array(#""}"#.utf8), Array(#"{"name":"\ud800"}"#.utf8),
            Array(#"{"name":"t"} {}"#.utf8), Array(#"{"name":NaN}"#.utf8), Array(deep.utf8), [],
        ]
        for text in texts {
            let (outcome, asked) = try await run(text)
            #expect(outcome.block?.error?.code == "INVALID_PAYLOAD")
            #expect(asked == 0)
        }
        let (outcome, asked) = try await run(#"{"name":"t"}"#)
        #expect(outcome.block == nil && asked == 1)
    }

    @Test func aPayloadOverTheLimitBlocksWhateverTheModeAndNamesLimitAndKey() async throws {
        let text = #"{"name":"t","args":{"x":"\#(String(repeating: "x", count: 100))"}}"#
        #expect(try await run(text, limit: text.utf8.count).outcome.block == nil)
        let (outcome, asked) = try await run(text, limit: text.utf8.count - 1)
        let error = try #require(outcome.block?.error)
        #expect(error.code == "PAYLOAD_TOO_LARGE" && asked == 0)
        #expect(error.message.contains("\(text.utf8.count - 1) bytes"))
        #expect(error.message.contains("plugin_settings.max_payload_size"))
        #expect(try await run(text, limit: nil).asked == 1)
    }

    struct Sized: Sendable {
        let value: Value
        let size: Int
    }

    static let sized = [
        Sized(value: ["name": "t"], size: 12), Sized(value: ["name": "t", "args": nil], size: 24),
        Sized(value: ["name": "t", "args": ["a": [1, -20, true, false, nil]]], size: 49),
        Sized(value: ["name": "\u{1F600}", "args": [:]], size: 25),
        Sized(value: ["name": "t", "args": ["a": 9_223_372_036_854_775_807]], size: 45),
    ]

    @Test(arguments: sized)
    func sizesAreThoseOfJSONText(_ sized: Sized) async throws {
        #expect(try JSONWriter.encode(sized.value).count == sized.size)
        for (limit, fits) in [(sized.size, true), (sized.size - 1, false)] {
            let pipeline = try Pipelines.make([
                Pipelines.plugin(Pipelines.entry("P")) { _ in PluginResult() }
            ]) { $0.maximumPayloadSize = limit }
            var request = Pipelines.request()
            let outcome = await pipeline.run(.toolPreInvoke, Document(sized.value), in: &request)
            #expect((outcome.block == nil) == fits)
        }
        #expect(PipelineSettings().maximumPayloadSize == 1_048_576)
    }

    @Test func aLargePayloadThatConcernsNoPluginPasses() async throws {
        var condition = PluginCondition()
        condition.tools = ["other"]
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", conditions: [condition])) { _ in PluginResult() }
        ]) { $0.maximumPayloadSize = 1 }
        var request = Pipelines.request()
        #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block == nil)
    }

    @Test func whereNobodyListensNothingIsLookedAt() async throws {
        let pipeline = try Pipelines.make([Pipelines.plugin(Pipelines.entry("P")) { _ in PluginResult() }])
        var request = Pipelines.request()
        #expect(!pipeline.listens(to: .promptPreFetch))
        let outcome = await pipeline.run(.promptPreFetch, json: Array("nonsense".utf8), in: &request)
        #expect(outcome.block == nil && outcome.change == nil && outcome.steps.isEmpty)
    }
}
