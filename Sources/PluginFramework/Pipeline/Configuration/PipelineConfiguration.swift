// SPDX-License-Identifier: Apache-2.0

import Values

/// One plugin of a pipeline: its entry, and what runs it.
public struct PipelinePlugin: Sendable {
    /// The entry, merged with what its server says if it is external.
    ///
    /// Empty `hooks` mean that nobody knows them yet: the plugin is asked at all standard hooks, and its mode decides what
    /// its errors mean.
    public var entry: PluginEntry
    /// What runs it; several plugins may share one.
    public var invoker: any PluginInvoker

    /// Makes a member of a pipeline.
    public init(_ entry: PluginEntry, invoker: any PluginInvoker) {
        self.entry = entry
        self.invoker = invoker
    }
}

/// Everything that a generation of a ``Pipeline`` is made of.
public struct PipelineConfiguration: Sendable {
    /// The plugins, in configured order; disabled ones are left out of all chains.
    public var plugins: [PipelinePlugin]
    /// What holds for all plugins.
    public var settings: PipelineSettings
    /// What plugins may change.
    public var writableFields: WritableFields
    /// Regular expressions for conditions; without it only plain texts can be used there.
    public var patterns: PatternCompiler?
    /// Called once when another configuration has taken this one's place and the last call that held this one has ended.
    ///
    /// The place to shut down what only this configuration used. It must not block.
    public var onRetire: (@Sendable () -> Void)?

    /// Makes a configuration.
    public init(
        plugins: [PipelinePlugin],
        settings: PipelineSettings = PipelineSettings(),
        writableFields: WritableFields = .standard,
        patterns: PatternCompiler? = nil
    ) {
        self.plugins = plugins
        self.settings = settings
        self.writableFields = writableFields
        self.patterns = patterns
    }

    /// Makes a configuration of entries: external ones run on the invoker under their name, all others on the host.
    ///
    /// An entry without hooks gets those that its invoker describes. The host's own time limit holds beside that of the settings:
    /// give it the same.
    ///
    /// - Throws: ``PluginLoadError`` when an enabled external entry has no invoker.
    public init(
        entries: [PluginEntry],
        host: PluginHost,
        external: [String: any PluginInvoker] = [:],
        settings: PipelineSettings = PipelineSettings(),
        writableFields: WritableFields = .standard,
        patterns: PatternCompiler? = nil
    ) async throws(PluginLoadError) {
        self.init(plugins: [], settings: settings, writableFields: writableFields, patterns: patterns)
        var faults: [PluginLoadError.Fault] = []
        for (index, entry) in entries.enumerated() {
            let isLocal = entry.external == nil || !entry.isEnabled
            guard let invoker = isLocal ? host : external[entry.name] else {
                faults.append(
                    .init(
                        index: index, plugin: entry.name, key: "",
                        message: "nothing connects to this external plugin; give an invoker for it"))
                continue
            }
            var plugin = PipelinePlugin(entry, invoker: invoker)
            if entry.hooks.isEmpty, entry.isEnabled { plugin.entry.hooks = await Self.hooks(of: plugin) }
            plugins.append(plugin)
        }
        guard faults.isEmpty else { throw PluginLoadError(faults: faults) }
    }

    private static func hooks(of plugin: PipelinePlugin) async -> [HookName] {
        let description = await plugin.invoker.describe(plugin.entry.name)
        return (description?["hooks"]?.arrayValue ?? []).compactMap { hook in
            hook.stringValue.map { HookName(rawValue: $0) }
        }
    }
}
