// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Values

extension Scenario {
    /// The host, as a server's call uses it, and the pipeline.
    static let plugins = [
        Scenario(name: "host-call") {
            let host = try await makeHost()
            let document = Document(Sample.payload)
            return {
                let answer = await host.invoke(
                    PluginInvocation(
                        hook: .toolPreInvoke, plugin: "NoOp", payload: document,
                        context: PluginContext(Sample.context)))
                guard case .success(let result) = answer.outcome else {
                    throw WrongOutcome(description: "the plugin failed: \(answer.outcome)")
                }
                try expect(result.continueProcessing, "the plugin does not let the call pass")
            }
        },
        Scenario(name: "server-call") {
            let host = try await makeHost()
            let bytes = try Sample.request.encoded()
            return {
                let request = try InvokeHookRequest(decoding: bytes)
                let answer = await host.invoke(
                    PluginInvocation(
                        hook: HookName(rawValue: request.hookType), plugin: request.pluginName,
                        payload: request.payload, context: request.context))
                let response = InvokeHookResponse(
                    pluginName: request.pluginName, outcome: .result(try answer.outcome.get()), context: answer.context)
                try expect(try response.encoded().readableBytes > 20, "the answer is not whole")
            }
        },
        Scenario(name: "pipeline-nobody-listens") { try await pipelineStep(.toolPostInvoke, steps: 0) },
        Scenario(name: "pipeline-one-plugin") { try await pipelineStep(.toolPreInvoke, steps: 1) },
    ]

    private static let logger = Logger(label: "budget", factory: { _ in SwiftLogNoOpLogHandler() })

    private static var entry: PluginEntry {
        var entry = PluginEntry(name: "NoOp", kind: NoOpPlugin.kind)
        entry.hooks = [.toolPreInvoke]
        return entry
    }

    private static func makeHost() async throws -> PluginHost {
        try await PluginHost.load([entry], registry: PluginRegistry([NoOpPlugin.self]), logger: logger)
    }

    private static func pipelineStep(
        _ hook: HookName, steps: Int
    ) async throws -> (@Sendable () async throws -> Void) {
        let pipeline = try Pipeline(
            try await PipelineConfiguration(entries: [entry], host: try await makeHost()), logger: logger)
        let document = Document(Sample.payload)
        return {
            var request = PipelineRequest(Sample.context.global)
            let outcome = await pipeline.run(hook, document, in: &request)
            try expect(outcome.block == nil && outcome.steps.count == steps, "the call did not pass as it should")
        }
    }
}
