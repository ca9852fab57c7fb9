// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Values

/// One plugin of a generation: shared by the chains of all its hooks.
final class PipelineMember: Sendable {
    let entry: PluginEntry
    let name: String
    let key: ByteKey
    let role: PluginRole
    let timeLimit: Duration
    let invoker: any PluginInvoker
    /// The invoker, if its server may run several of its plugins in one request.
    let chainInvoker: (any PluginChainInvoker)?
    private let isGuarded: Bool
    private let callGuard: InvocationGuard
    /// Set by an error of a plugin with `on_error: disable`; stays so until the configuration is loaded anew.
    private let switchedOff = Atomic<Bool>(false)

    init(_ plugin: PipelinePlugin, role: PluginRole, settings: PipelineSettings) {
        entry = plugin.entry
        name = plugin.entry.name
        key = ByteKey(plugin.entry.name)
        self.role = role
        timeLimit = plugin.entry.timeout ?? settings.pluginTimeout
        invoker = plugin.invoker
        chainInvoker = plugin.invoker as? any PluginChainInvoker
        isGuarded = !plugin.invoker.keepsDeadlines
        callGuard = InvocationGuard(plugin: plugin.entry.name, limit: timeLimit)
    }

    var isSwitchedOff: Bool { switchedOff.load(ordering: .relaxed) }

    /// Switches the plugin off; true the first time.
    func switchOff() -> Bool { !switchedOff.exchange(true, ordering: .relaxed) }

    /// Asks the plugin, and returns soon after the deadline or the caller's cancellation whatever its invoker does.
    func invoke(_ invocation: PluginInvocation, deadlines: DeadlineQueue) async -> PluginAnswer {
        guard isGuarded else { return await invoker.invoke(invocation) }
        return await callGuard.invoke(invocation, invoker, deadlines)
    }
}
