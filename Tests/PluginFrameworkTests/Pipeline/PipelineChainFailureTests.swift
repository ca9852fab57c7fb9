// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Synchronization
import Testing
import Values

/// A request for several plugins that fails as a whole: whose failure it is, and what follows from it.
@Suite struct PipelineChainFailureTests {
    /// A server that is lost with each request for several plugins, and answers those for one.
    private final class LosingServer: Sendable {
        let requests = Mutex<[[String]]>([])
        /// Whether it takes requests for several plugins at all.
        let takesChains: Bool

        init(takesChains: Bool = true) { self.takesChains = takesChains }
    }

    private struct Member: PluginChainInvoker {
        let name: String
        let server: LosingServer

        var keepsDeadlines: Bool { true }
        var health: PluginHealth { PluginHealth(isServing: true, plugins: [:]) }
        var chainSeat: PluginChainSeat? { PluginChainSeat(server: ObjectIdentifier(server), plugin: name) }

        func describe(_ plugin: String) async -> Value? { nil }

        func invoke(_ chain: PluginChain) async -> PluginChainAnswer? {
            guard server.takesChains else { return nil }
            server.requests.withLock { $0.append(chain.steps.map(\.plugin)) }
            return PluginChainAnswer(
                failing: chain, PluginError("it is lost", pluginName: name, code: PluginError.Code.unavailable))
        }

        func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
            server.requests.withLock { $0.append([name]) }
            return PluginAnswer(plugin: name, outcome: .success(PluginResult()))
        }
    }

    private static func pipeline(
        _ server: LosingServer, _ members: [(name: String, onError: PluginErrorPolicy)]
    ) throws -> Pipeline {
        try Pipelines.make(
            members.map { member in
                PipelinePlugin(
                    Pipelines.entry(member.name, onError: member.onError),
                    invoker: Member(name: member.name, server: server))
            })
    }

    private static func run(_ pipeline: Pipeline) async -> PipelineOutcome {
        var request = Pipelines.request()
        return await pipeline.run(.toolPreInvoke, ToolCall(name: "t", args: [:]), in: &request)
    }

    @Test("It counts as the first one's, in enforce it blocks, and it says who was asked with it")
    func blocks() async throws {
        let server = LosingServer()
        let outcome = await Self.run(
            try Self.pipeline(server, [("a", .fail), ("b", .ignore), ("c", .ignore), ("d", .ignore), ("e", .ignore)]))
        #expect(outcome.course == ["a failed"])
        #expect(outcome.block?.error?.message == "it is lost (asked together with 'b', 'c' and 2 more)")
        #expect(server.requests.withLock { $0 } == [["a", "b", "c", "d", "e"]])
    }

    @Test("The others are asked anew: nobody passes without an answer of its own")
    func othersAreAskedAnew() async throws {
        let server = LosingServer()
        let outcome = await Self.run(try Self.pipeline(server, [("a", .ignore), ("b", .ignore), ("c", .fail)]))
        #expect(outcome.course == ["a ignored", "b ignored", "c passed"])
        #expect(server.requests.withLock { $0 } == [["a", "b", "c"], ["b", "c"], ["c"]])
    }

    @Test("Where it cannot be sent, each is asked alone")
    func notSent() async throws {
        let server = LosingServer(takesChains: false)
        let outcome = await Self.run(try Self.pipeline(server, [("a", .fail), ("b", .ignore), ("c", .fail)]))
        #expect(outcome.course == ["a passed", "b passed", "c passed"])
        #expect(server.requests.withLock { $0 } == [["a"], ["b"], ["c"]])
    }

    @Test("A plugin that one error switches off is not switched off by what may be another's")
    func nobodyIsSwitchedOffByAGuess() async throws {
        let server = LosingServer()
        let pipeline = try Self.pipeline(server, [("a", .disable), ("b", .disable), ("c", .ignore)])
        for _ in 0..<2 {
            let outcome = await Self.run(pipeline)
            #expect(outcome.course == ["a passed", "b passed", "c passed"])
        }
        #expect(server.requests.withLock { $0 } == [["a"], ["b"], ["c"], ["a"], ["b"], ["c"]])
    }
}
