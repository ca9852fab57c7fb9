// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import PluginFramework
import Testing
import Values

/// Chains that cannot go in one request: nothing is sent, and nobody is blamed.
@Suite struct ChainRequestTests {
    private struct Quiet: Plugin, ToolPreInvoke {
        let settings: NoSettings

        func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> { .pass }
    }

    private static func chain(_ size: Int) -> PluginChain {
        let steps = ["A", "B"].map { name in
            PluginChain.Step(
                plugin: name, context: PluginContext(global: GlobalContext(requestID: "r")), timeLimit: .seconds(60),
                effects: [])
        }
        return PluginChain(
            hook: .toolPreInvoke,
            payload: ToolCall(name: "t", args: ["x": .string(String(repeating: "x", count: size))]).document,
            steps: steps, review: .init(), patience: .seconds(1))
    }

    private static func with(
        _ kind: PluginTestServer.Kind, _ body: (GRPCPluginInvoker) async throws -> Void
    ) async throws {
        let entries = ["A", "B"].map { PluginEntry(name: $0, kind: "Quiet") }
        try await PluginTestServer.with(kind, plugins: [Quiet.self], entries: entries) { server async throws in
            let connector = GRPCPluginConnector.make { $0.maxRequestSize = 2_000 }
            let invoker = try connector.invoker(for: .external("A", "127.0.0.1:\(server.port)"))
            await invoker.start(patience: .seconds(60))
            try await eventually("it is admitted") { invoker.downReason == nil }
            try await body(invoker)
            await invoker.shutDown()
        }
    }

    @Test func oneThatIsTooLongIsNotSent() async throws {
        try await Self.with(.ours) { invoker in
            #expect(invoker.chainSeat != nil)
            #expect(await invoker.invoke(Self.chain(10))?.steps.count == 2)
            #expect(await invoker.invoke(Self.chain(3_000)) == nil)
        }
    }

    @Test func aServerOfAnotherMakeIsNotAsked() async throws {
        try await Self.with(.reference("mcpgateway.plugins")) { invoker in
            #expect(invoker.chainSeat == nil)
            #expect(await invoker.invoke(Self.chain(10)) == nil)
        }
    }
}
