// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Values

/// Plugins that go in one request, from the pipeline to the host and back by way of the bytes, without a network.
extension Scenario {
    static let chain = [
        Scenario(name: "chain-of-ten") {
            let names = (0..<10).map { "NoOp\($0)" }
            let logger = Logger(label: "budget", factory: { _ in SwiftLogNoOpLogHandler() })
            let entries = names.map { name in
                var entry = PluginEntry(name: name, kind: NoOpPlugin.kind)
                entry.hooks = [.toolPreInvoke]
                return entry
            }
            let host = try await PluginHost.load(
                entries, registry: PluginRegistry([NoOpPlugin.self]), logger: logger)
            let plugins = entries.map { PipelinePlugin($0, invoker: BytesInvoker(name: $0.name, host: host)) }
            let pipeline = try Pipeline(PipelineConfiguration(plugins: plugins), logger: logger)
            let document = Document(Sample.payload)
            return {
                var request = PipelineRequest(Sample.context.global)
                let outcome = await pipeline.run(.toolPreInvoke, document, in: &request)
                try expect(
                    outcome.block == nil && outcome.steps.count == names.count, "the call did not pass as it should")
            }
        }
    ]
}

/// A plugin whose server is reached by encoding and decoding alone.
private struct BytesInvoker: PluginChainInvoker {
    let name: String
    let host: PluginHost

    var keepsDeadlines: Bool { true }
    var health: PluginHealth { PluginHealth(isServing: true, plugins: [:]) }
    var chainSeat: PluginChainSeat? { PluginChainSeat(server: ObjectIdentifier(host), plugin: name) }

    func describe(_ plugin: String) async -> Value? { nil }

    func invoke(_ chain: PluginChain) async -> PluginChainAnswer? {
        do {
            var bytes = ByteBuffer()
            try InvokeChainRequest(chain).encode(into: &bytes, features: .all)
            let received = try InvokeChainRequest(decoding: bytes).chain
            var answers = ChainAnswerWriter(appendingTo: ByteBuffer(), features: .all)
            await received.run(on: host) { answers.write($0, $1, $2) }
            return try InvokeChainResponse(decoding: answers.bytes).answers(to: chain)
        } catch {
            return nil
        }
    }

    /// For the last one alone, when a slow machine has used up the patience of the request before.
    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer { await host.invoke(invocation) }
}
