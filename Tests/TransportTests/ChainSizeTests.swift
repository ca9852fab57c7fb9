// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// Answers of plugins that go in one request, and are long: what one says costs nobody else anything.
@Suite struct ChainSizeTests {
    /// Says as much as its configuration has it.
    private struct TalkativeProbe: Plugin, ToolPreInvoke {
        struct Settings: PluginSettings {
            var name = ""
            var size = 0
        }

        let settings: Settings

        func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
            .pass(metadata: [settings.name: .string(String(repeating: "x", count: settings.size))])
        }
    }

    private static let mebibyte = 1 << 20

    /// The verdicts of plugins that say so many bytes each, and how many bytes of them arrived.
    private static func run(
        _ pair: TransportPair, _ sizes: [Int]
    ) async throws -> (outcome: PipelineOutcome, sizes: [Int?]) {
        let names = sizes.indices.map { "p\($0)" }
        let entries = zip(names, sizes).map { name, size in
            var entry = PluginEntry(name: name, kind: "TalkativeProbe")
            entry.config = ["name": .string(name), "size": .int(Int64(size))]
            entry.timeout = .seconds(120)
            return entry
        }
        var found: (PipelineOutcome, [Int?])?
        try await pair.with(TalkativeProbe.self, entries) { running in
            var plugins: [PipelinePlugin] = []
            for (index, name) in names.enumerated() {
                var entry = PluginEntry(name: name, kind: "external")
                entry.hooks = [.toolPreInvoke]
                entry.mode = .enforceIgnoreError
                entry.timeout = .seconds(120)
                plugins.append(
                    PipelinePlugin(
                        entry, invoker: index == 0 ? running.invoker : try await running.another(name)))
            }
            let pipeline = try Pipeline(PipelineConfiguration(plugins: plugins), logger: .silent)
            var request = PipelineRequest(GlobalContext(requestID: "r"))
            let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t", args: [:]), in: &request)
            found = (outcome, names.map { outcome.metadata[$0]?.stringValue?.utf8.count })
        }
        return try #require(found)
    }

    @Test(arguments: TransportPair.all.filter(\.pushesChains))
    func whatGoesBeyondTheRoomIsAskedForAnew(pair: TransportPair) async throws {
        let sizes = [10, 2 * Self.mebibyte, 700_000, 700_000, 20]
        let (outcome, arrived) = try await Self.run(pair, sizes)
        #expect(outcome.steps.map(\.verdict) == Array(repeating: .passed, count: sizes.count))
        #expect(arrived == sizes)
    }

    @Test(arguments: TransportPair.all.filter(\.pushesChains), [[10, 17, 20], [17, 10, 20], [17, 17, 1]])
    func anAnswerThatIsTooLongFailsItsPluginAlone(pair: TransportPair, sizes: [Int]) async throws {
        let tooLong = 17
        let (outcome, arrived) = try await Self.run(pair, sizes.map { $0 == tooLong ? 17 * Self.mebibyte : $0 })
        #expect(outcome.steps.map(\.verdict) == sizes.map { $0 == tooLong ? .ignored : .passed })
        #expect(arrived == sizes.map { $0 == tooLong ? Int?.none : $0 })
        for step in outcome.steps where step.error != nil {
            #expect(step.error?.message.contains("max_message_size") == true, "\(step)")
        }
    }
}
