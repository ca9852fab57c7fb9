// SPDX-License-Identifier: Apache-2.0

import BuiltinPlugins
import HTTP
import Logging
import PluginFramework
import TransportSecurity

/// All plugins of a configuration, in this process and on plugin servers, and the pipeline over them.
struct PluginSet: Sendable {
    /// The configured entries, external ones merged with what their servers said when they were loaded.
    let entries: [PluginEntry]
    /// The plugins of this process.
    let host: PluginHost
    /// Those on plugin servers, by name.
    let external: [String: any ExternalPlugin]
    /// The chain of all of them.
    let pipeline: Pipeline
    private let settings: PluginServerSettings
    private let logger: Logger

    /// Loads local plugins, connects to external ones, and waits a moment for those that are not there.
    ///
    /// - Parameter tls: Keeps certificates in step with their files, if it is run; nil for a store that is not.
    /// - Throws: ``PluginLoadError`` with everything that is wrong.
    static func load(
        _ settings: PluginServerSettings, registry: PluginRegistry, tls: TLSStore? = nil, logger: Logger
    ) async throws(PluginLoadError) -> PluginSet {
        let external = try connect(settings, tls, logger: logger)
        let host = try await PluginHost.load(
            settings.plugins, registry: registry, configuration: PluginHostConfiguration(settings), logger: logger)
        await withTaskGroup(of: Void.self) { tasks in
            for invoker in external.values { tasks.addTask { await invoker.start() } }
        }
        let entries = merged(settings, external)
        do throws(PluginLoadError) {
            let configuration = try await chain(of: entries, host, external, settings)
            let pipeline = try Pipeline(configuration, logger: logger)
            return PluginSet(
                entries: entries, host: host, external: external, pipeline: pipeline, settings: settings, logger: logger
            )
        } catch {
            for invoker in external.values { await invoker.shutDown() }
            await host.shutdown()
            throw error
        }
    }

    private static func merged(
        _ settings: PluginServerSettings, _ external: [String: any ExternalPlugin]
    ) -> [PluginEntry] {
        settings.plugins.map { external[$0.name]?.entry ?? $0 }
    }

    private static func chain(
        of entries: [PluginEntry], _ host: PluginHost, _ external: [String: any ExternalPlugin],
        _ settings: PluginServerSettings
    ) async throws(PluginLoadError) -> PipelineConfiguration {
        try await PipelineConfiguration(
            entries: entries, host: host, external: external, settings: settings.pipeline, patterns: .python)
    }

    /// Keeps the chain in step with what plugin servers say of their plugins, until the task is cancelled.
    ///
    /// A plugin that was down when it was loaded is asked at all hooks, because nobody knows which are its own: in `enforce` it
    /// blocks them. When its server answers, the chain is made anew with the hooks, the mode and the conditions it tells. Plugins
    /// of which nothing else was told, and that an error has switched off, stay off.
    func followServers() async {
        let (changes, changed) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup(of: Void.self) { tasks in
            for plugin in external.values {
                tasks.addTask { for await _ in plugin.entryUpdates() { changed.yield() } }
            }
            var known = entries
            for await _ in changes {
                let now = Self.merged(settings, external)
                guard now != known else { continue }
                known = now
                do throws(PluginLoadError) {
                    try pipeline.renew(with: try await Self.chain(of: now, host, external, settings))
                    logger.info("The chain of plugins was made anew, because a plugin server tells something else")
                } catch {
                    logger.error(
                        "What a plugin server tells of its plugins cannot be used; the chain stays as it was",
                        metadata: ["reason": "\(error)"])
                }
            }
            tasks.cancelAll()
        }
    }

    private static func connect(
        _ settings: PluginServerSettings, _ tls: TLSStore?, logger: Logger
    ) throws(PluginLoadError) -> [String: any ExternalPlugin] {
        let connector = PluginConnector(settings, tls: tls, logger: logger)
        var external: [String: any ExternalPlugin] = [:]
        var faults: [PluginLoadError.Fault] = []
        for (index, entry) in settings.plugins.enumerated() where entry.isEnabled {
            do throws(SettingsError) {
                external[entry.name] = try connector.plugin(for: entry)
            } catch {
                faults.append(.init(index: index, plugin: entry.name, key: error.key, message: error.message))
            }
        }
        guard faults.isEmpty else { throw PluginLoadError(faults: faults) }
        return external
    }

    /// What runs a plugin; the name as configured.
    func invoker(of plugin: String) -> any PluginInvoker {
        external[plugin] ?? host
    }

    /// Adds whether each external plugin can be called; those of this process always can.
    func add(to metrics: inout PrometheusText) {
        metrics.add(
            "gatehouse_plugin_serving", .gauge, "Whether a plugin can be called.",
            entries.filter(\.isEnabled).map { entry in
                .init(external[entry.name]?.downReason == nil ? 1 : 0, [("plugin", entry.name)])
            })
    }

    /// Ends everything, the pipeline first.
    func shutDown() async {
        await pipeline.shutdown()
        for invoker in external.values { await invoker.shutDown() }
        await host.shutdown()
    }
}

extension PatternCompiler {
    /// Patterns as Python's `re` reads them, as everywhere else in a configuration.
    static let python = PatternCompiler { source in
        let pattern = try Pattern(source)
        return { text in
            var budget = MatchBudget()
            return try pattern.matches(in: text, budget: &budget)
        }
    }
}
