// SPDX-License-Identifier: Apache-2.0

public import Logging
import Synchronization
public import Values
import Watching

/// Loads the plugins of this process and runs them, each on its own: no chain, no conditions, no modes.
///
/// Whatever a plugin does, the answer is in band and concerns that call alone: an error if it throws, takes longer than its time
/// limit, or is asked at a hook that it does not implement.
public final class PluginHost: PluginService {
    private struct HealthState {
        var isAccepting = true
        var stalled: Set<String> = []
        var watchers = Watchers<PluginHealth>()
    }

    private let plugins: [HostedPlugin]
    private let byName: [ByteKey: HostedPlugin]
    /// By the name in lower case; nil where several plugins differ only in case.
    private let byFoldedName: [ByteKey: HostedPlugin?]
    private let configuration: PluginHostConfiguration
    private let deadlines = DeadlineQueue()
    private let healthState = Mutex(HealthState())
    private let isWatching = Atomic<Bool>(true)
    private let logger: Logger

    private init(plugins: [HostedPlugin], configuration: PluginHostConfiguration, logger: Logger) {
        self.plugins = plugins
        self.configuration = configuration
        self.logger = logger
        byName = Dictionary(plugins.map { (ByteKey($0.entry.name), $0) }, uniquingKeysWith: { first, _ in first })
        byFoldedName = Dictionary(
            plugins.map { (ByteKey($0.entry.name.lowercased()), Optional($0)) }, uniquingKeysWith: { _, _ in nil })
    }

    /// Makes and initialises the plugins of these entries, in their order.
    ///
    /// - Parameters:
    ///   - entries: What to load; disabled ones are listed, not made; external ones are not this host's to run and are left out.
    ///   - registry: What there is to load.
    ///   - configuration: Time limits and the like.
    ///   - logger: Where failures of plugins are told.
    /// - Throws: ``PluginLoadError`` with all faults at once; plugins that were initialised are shut down again.
    public static func load(
        _ entries: [PluginEntry],
        registry: PluginRegistry,
        configuration: PluginHostConfiguration = PluginHostConfiguration(),
        logger: Logger
    ) async throws(PluginLoadError) -> PluginHost {
        let plugins = try make(entries, registry: registry, configuration: configuration, logger: logger)
        var faults: [PluginLoadError.Fault] = []
        let host = PluginHost(plugins: plugins, configuration: configuration, logger: logger)
        var initialized: [HostedPlugin] = []
        for hosted in plugins {
            guard let plugin = hosted.plugin else { continue }
            do {
                try await withTimeLimit(
                    configuration.initializationLimit, on: hosted.executor, deadlines: host.deadlines
                ) {
                    try await plugin.initialize()
                }
                initialized.append(hosted)
            } catch {
                let index = entries.firstIndex { $0.name.hasSameBytes(as: hosted.entry.name) } ?? 0
                faults.append(
                    .init(index: index, plugin: hosted.entry.name, key: "", message: "initialisation failed: \(error)"))
            }
        }
        guard faults.isEmpty else {
            await host.shutDown(initialized)
            throw PluginLoadError(faults: faults)
        }
        host.startWatch()
        return host
    }

    /// What ``load(_:registry:configuration:logger:)`` would refuse in these entries, without initialising any plugin.
    public static func check(_ entries: [PluginEntry], registry: PluginRegistry) -> PluginLoadError? {
        do throws(PluginLoadError) {
            let silent = Logger(label: "check", factory: { _ in SwiftLogNoOpLogHandler() })
            _ = try make(entries, registry: registry, configuration: PluginHostConfiguration(), logger: silent)
            return nil
        } catch {
            return error
        }
    }

    private static func make(
        _ entries: [PluginEntry], registry: PluginRegistry, configuration: PluginHostConfiguration, logger: Logger
    ) throws(PluginLoadError) -> [HostedPlugin] {
        var plugins: [HostedPlugin] = []
        var faults: [PluginLoadError.Fault] = []
        for (index, entry) in entries.enumerated() where entry.external == nil {
            do throws(SettingsError) {
                let plugin = entry.isEnabled ? try registry.makePlugin(for: entry) : nil
                let hosted = HostedPlugin(entry: entry, plugin: plugin, configuration: configuration, logger: logger)
                try checkHooks(of: hosted)
                plugins.append(hosted)
            } catch {
                faults.append(.init(index: index, plugin: entry.name, key: error.key, message: error.message))
            }
        }
        guard faults.isEmpty else { throw PluginLoadError(faults: faults) }
        return plugins
    }

    private static func checkHooks(of hosted: HostedPlugin) throws(SettingsError) {
        guard let plugin = hosted.plugin else { return }
        let known = plugin.handlers.map(\.hook.rawValue)
        for (index, hook) in hosted.entry.hooks.enumerated()
        where !known.contains(where: { $0.hasSameBytes(as: hook.rawValue) }) {
            let suggestion = hook.rawValue.closestMatch(among: known).map { "did you mean \"\($0)\"? " } ?? ""
            throw SettingsError(
                key: "hooks.\(index)",
                "\(hosted.entry.kind) does not implement hook \"\(hook)\"; \(suggestion)it implements "
                    + known.joined(separator: ", "))
        }
    }

    /// Shuts the plugins down, the last one first.
    ///
    /// Calls that are still running are not waited for.
    public func shutdown() async {
        isWatching.store(false, ordering: .relaxed)
        stopAccepting()
        await shutDown(plugins)
        healthState.withLock { $0.watchers.finish() }
    }

    private func shutDown(_ plugins: [HostedPlugin]) async {
        for hosted in plugins.reversed() {
            guard let plugin = hosted.plugin else { continue }
            do {
                try await withTimeLimit(configuration.initializationLimit, on: hosted.executor, deadlines: deadlines) {
                    await plugin.shutdown()
                }
            } catch {
                logger.warning(
                    "Plugin did not shut down", metadata: ["plugin": "\(hosted.entry.name)", "error": "\(error)"])
            }
        }
    }

    // MARK: The three questions

    /// True: a plugin that does not return in time is given up.
    public var keepsDeadlines: Bool { true }

    /// Runs one hook of one plugin under its time limit.
    public func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        guard let plugin = find(invocation.plugin) else {
            let suggestion =
                invocation.plugin.closestMatch(among: plugins.map(\.entry.name)).map { "; did you mean '\($0)'?" } ?? ""
            return PluginAnswer(
                plugin: invocation.plugin,
                outcome: .failure(
                    PluginError(
                        "no plugin named '\(invocation.plugin)' is loaded on this server\(suggestion)",
                        pluginName: invocation.plugin, code: PluginError.Code.unknownPlugin)))
        }
        return await plugin.invoke(invocation, deadlines: deadlines)
    }

    /// The plugin's entry as it may be shown.
    public func describe(_ plugin: String) async -> Value? {
        find(plugin).map(report)
    }

    /// All entries as they may be shown, disabled ones included.
    public func describeAll() async -> [Value] {
        plugins.map(report)
    }

    private func find(_ name: String) -> HostedPlugin? {
        if let plugin = byName[ByteKey(name)] { return plugin }
        return byFoldedName[ByteKey(name.lowercased())] ?? nil
    }

    private func report(_ hosted: HostedPlugin) -> Value {
        var entry = hosted.entry
        if entry.hooks.isEmpty { entry.hooks = hosted.handlers.map(\.hook) }
        return entry.report(masking: configuration.secretMask)
    }

    // MARK: Health

    /// How the plugins are now.
    public var health: PluginHealth {
        healthState.withLock { currentHealth($0) }
    }

    /// How the plugins are, now and whenever that changes.
    public func healthUpdates() -> AsyncStream<PluginHealth> {
        healthState.withLock { $0.watchers.add(currentHealth($0)) }
    }

    /// From now on the host calls itself not serving: what a server says before it drains.
    public func stopAccepting() {
        updateHealth { $0.isAccepting = false }
    }

    private func currentHealth(_ state: HealthState) -> PluginHealth {
        let plugins = plugins.map { hosted in
            let name = hosted.entry.name
            return (name, state.isAccepting && hosted.plugin != nil && !state.stalled.contains(name))
        }
        return PluginHealth(
            isServing: state.isAccepting && state.stalled.isEmpty,
            plugins: Dictionary(plugins, uniquingKeysWith: { first, _ in first }))
    }

    private func updateHealth(_ change: (inout sending HealthState) -> Void) {
        healthState.withLock { state in
            let before = currentHealth(state)
            change(&state)
            let after = currentHealth(state)
            guard after != before else { return }
            state.watchers.tell(after)
        }
    }

    private func startWatch() {
        let watch = StallWatch(
            limit: configuration.stallLimit, pluginNames: Set(plugins.map(\.entry.name)), logger: logger
        ) { [weak self] stalled in
            self?.updateHealth { $0.stalled = stalled }
        }
        TimerThread.shared.schedule(every: configuration.stallLimit / 4) { [weak self] in
            guard let self, self.isWatching.load(ordering: .relaxed) else { return false }
            watch.look()
            return true
        }
    }
}
