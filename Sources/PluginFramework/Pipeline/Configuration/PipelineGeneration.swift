// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Values

/// One configuration of a pipeline, compiled and never changed.
///
/// It lives as long as somebody holds it: the pipeline until another takes its place, a request until it ends.
final class PipelineGeneration: Sendable {
    let settings: PipelineSettings
    let members: [PipelineMember]
    private let chains: [HookName: HookChain]
    private let onRetire: (@Sendable () -> Void)?
    private let wasReplaced = Atomic<Bool>(false)

    /// Compiles a configuration.
    ///
    /// - Parameter earlier: The generation whose plugins stay switched off here if they are the same; nil: all are on.
    /// - Throws: ``PluginLoadError`` with everything that is wrong in it.
    init(
        _ configuration: PipelineConfiguration, keepingSwitchedOff earlier: PipelineGeneration? = nil
    ) throws(PluginLoadError) {
        settings = configuration.settings
        onRetire = configuration.onRetire
        let isPhased = configuration.plugins.contains { $0.entry.mode.isPhased }
        var compiler = ChainCompiler(configuration)
        let known = Dictionary(earlier?.members.map { ($0.key, $0) } ?? [], uniquingKeysWith: { first, _ in first })
        var members: [PipelineMember] = []
        for (index, plugin) in configuration.plugins.enumerated() {
            compiler.checkName(plugin.entry, index)
            guard plugin.entry.isEnabled else { continue }
            let role = PluginRole(plugin.entry, isPhased: isPhased)
            let member = PipelineMember(
                plugin, role: role, settings: configuration.settings,
                offSwitch: known[ByteKey(plugin.entry.name)]?.offSwitch(for: plugin))
            members.append(member)
            compiler.add(member, index)
        }
        self.members = members
        chains = try compiler.chains()
    }

    /// What runs at a hook; nil if nothing does.
    func chain(for hook: HookName) -> HookChain? { chains[hook] }

    /// From now on the generation ends with its last call.
    func retire() { wasReplaced.store(true, ordering: .relaxed) }

    deinit {
        if wasReplaced.load(ordering: .relaxed) { onRetire?() }
    }
}

/// Sorts plugins into the chains of their hooks, and collects what is wrong.
private struct ChainCompiler {
    private let configuration: PipelineConfiguration
    private var links: [HookName: [HookChain.Link]] = [:]
    private var names: Set<String> = []
    private var faults: [PluginLoadError.Fault] = []

    init(_ configuration: PipelineConfiguration) {
        self.configuration = configuration
    }

    mutating func checkName(_ entry: PluginEntry, _ index: Int) {
        if !names.insert(entry.name.lowercased()).inserted {
            faults.append(
                .init(
                    index: index, plugin: entry.name, key: "name",
                    message: "is the name of another plugin, upper and lower case being the same; give it another"))
        }
    }

    mutating func add(_ member: PipelineMember, _ index: Int) {
        let hooks = member.entry.hooks.isEmpty ? HookName.standard : member.entry.hooks
        checkSubjects(member.entry, hooks, index)
        var reported: Set<String> = []
        for hook in hooks where !(links[hook]?.contains { $0.member === member } ?? false) {
            var conditions: [CompiledCondition] = []
            for (number, condition) in member.entry.conditions.enumerated() {
                do throws(ConditionFault) {
                    conditions.append(
                        try CompiledCondition(condition, hook: hook, patterns: configuration.patterns))
                } catch {
                    let key = "conditions.\(number).\(error.key)"
                    guard reported.insert(key).inserted else { continue }
                    faults.append(.init(index: index, plugin: member.name, key: key, message: error.message))
                }
            }
            links[hook, default: []].append(HookChain.Link(member: member, conditions: conditions))
        }
    }

    /// A condition on tools of a plugin that no tool hook reaches would be ignored, not matched.
    private mutating func checkSubjects(_ entry: PluginEntry, _ hooks: [HookName], _ index: Int) {
        let reachable = Set(hooks.compactMap { HookSubject($0) })
        for (number, condition) in entry.conditions.enumerated() {
            for subject in HookSubject.allCases where !subject.names(in: condition).isEmpty {
                guard !reachable.contains(subject) else { continue }
                let wanted = HookName.standard.filter { HookSubject($0) == subject }.map(\.rawValue)
                faults.append(
                    .init(
                        index: index, plugin: entry.name, key: "conditions.\(number).\(subject.rawValue)",
                        message: "no hook of this plugin looks at \(subject.rawValue); remove it, or add "
                            + wanted.joined(separator: " or ") + " to hooks"))
            }
        }
    }

    func chains() throws(PluginLoadError) -> [HookName: HookChain] {
        guard faults.isEmpty else { throw PluginLoadError(faults: faults.sorted { $0.index < $1.index }) }
        var chains: [HookName: HookChain] = [:]
        for (hook, links) in links {
            chains[hook] = HookChain(
                hook: hook, links: links,
                review: ChangeReview(
                    hook: hook, fields: configuration.writableFields, settings: configuration.settings),
                runsBandsInParallel: configuration.settings.runsPriorityInParallel)
        }
        return chains
    }
}
