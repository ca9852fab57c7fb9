// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import Logging
import PluginFramework
import Values

/// A plugin that a load can call: tried once, so that what is wrong with it is told before anything is measured.
struct BenchSubject: Sendable {
    /// What a subject is asked.
    struct Question: Sendable {
        var plugin: String
        var hook: HookName = .toolPreInvoke
        var payload: Document
        /// Whether it is asked through a pipeline of this one plugin, as a gateway asks it.
        var usesPipeline = false
    }

    /// What is called.
    private enum Way {
        case plugin(String, any PluginInvoker)
        case pipeline(Pipeline)
    }

    private let way: Way
    private let question: Question

    /// A plugin whose first call was answered.
    ///
    /// - Throws: ``BenchFailure`` when it was not.
    init(_ entry: PluginEntry, invoker: any PluginInvoker, _ question: Question) async throws {
        self.question = question
        way =
            question.usesPipeline
            ? .pipeline(
                try Pipeline(
                    PipelineConfiguration(plugins: [PipelinePlugin(entry, invoker: invoker)]), logger: Self.silent))
            : .plugin(entry.name, invoker)
        try await tryOnce()
    }

    /// A chain of plugins whose first call was answered.
    ///
    /// - Throws: ``BenchFailure`` when it was not.
    init(_ pipeline: Pipeline, _ question: Question) async throws {
        self.question = question
        way = .pipeline(pipeline)
        try await tryOnce()
    }

    private func tryOnce() async throws {
        if let failure = await call(0) { throw BenchFailure("The first call failed: \(failure)") }
    }

    /// Connects to a plugin server, does something with the plugin there, and lets go of it.
    ///
    /// - Parameter connections: How many connections are kept to the server, where there can be several; nil for as many as a gateway
    ///   keeps.
    /// - Throws: ``BenchFailure`` when the server or the plugin is not there, or does not answer as it should.
    static func with<Result: Sendable>(
        _ external: ExternalPluginSettings, _ question: Question, connections: Int? = nil, lanes: BenchLanes,
        _ body: (BenchSubject) async throws -> Result
    ) async throws -> Result {
        var entry = PluginEntry(name: question.plugin, kind: "external")
        entry.external = external
        var settings = PluginServerSettings()
        if let connections { settings.grpcClient.connections = connections }
        let connector = PluginConnector(settings, eventLoopGroup: lanes.group, logger: silent)
        let invoker: any ExternalPlugin
        do throws(SettingsError) {
            guard let plugin = try connector.plugin(for: entry) else {
                throw SettingsError(key: "", "it says not where the plugin runs")
            }
            invoker = plugin
        } catch {
            throw ValidationError("The target cannot be used: \(error)")
        }
        do {
            await invoker.start(patience: .seconds(5))
            if let (reason, _) = invoker.downReason {
                throw BenchFailure(
                    "Plugin '\(question.plugin)' cannot be called: \(reason). Check that the plugin server runs, and that it "
                        + "serves the transport that the option stands for: --target and --uds gRPC, --unix-socket frames, "
                        + "--mcp-url MCP.")
            }
            let result = try await body(BenchSubject(invoker.entry, invoker: invoker, question))
            await invoker.shutDown()
            return result
        } catch {
            await invoker.shutDown()
            throw error
        }
    }

    /// Makes one call; nil when the plugin decided, else what went wrong.
    func call(_ number: Int) async -> String? {
        let context = GlobalContext(requestID: "bench-\(number)", user: "ada@example.com", tenantID: "tenant-1")
        switch way {
        case .plugin(let name, let invoker):
            let answer = await invoker.invoke(
                PluginInvocation(
                    hook: question.hook, plugin: name, payload: question.payload,
                    context: PluginContext(global: context)))
            guard case .failure(let error) = answer.outcome else { return nil }
            return "\(error)"
        case .pipeline(let pipeline):
            var request = PipelineRequest(context)
            let outcome = await pipeline.run(question.hook, question.payload, in: &request)
            if let error = outcome.block?.error { return "\(error)" }
            return outcome.steps.isEmpty ? "no plugin is asked at hook '\(question.hook)'" : nil
        }
    }

    private static var silent: Logger { Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }) }
}

/// Why nothing was measured.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
