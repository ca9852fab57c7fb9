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
    private let offSwitch: OffSwitch

    /// - Parameter offSwitch: That of the same plugin in the generation before, if what happened to it there is to count here.
    init(_ plugin: PipelinePlugin, role: PluginRole, settings: PipelineSettings, offSwitch: OffSwitch? = nil) {
        entry = plugin.entry
        name = plugin.entry.name
        key = ByteKey(plugin.entry.name)
        self.role = role
        timeLimit = plugin.entry.timeout ?? settings.pluginTimeout
        invoker = plugin.invoker
        chainInvoker = plugin.invoker as? any PluginChainInvoker
        isGuarded = !plugin.invoker.keepsDeadlines
        callGuard = InvocationGuard(plugin: plugin.entry.name, limit: timeLimit)
        self.offSwitch = offSwitch ?? OffSwitch()
    }

    var isSwitchedOff: Bool { offSwitch.isOff.load(ordering: .relaxed) }

    /// Switches the plugin off; true the first time.
    func switchOff() -> Bool { !offSwitch.isOff.exchange(true, ordering: .relaxed) }

    /// The switch of this plugin, for a later generation; nil unless the plugin is the same there.
    ///
    /// It is shared, not copied: a call that began before counts for the plugin afterwards as well.
    func offSwitch(for plugin: PipelinePlugin) -> OffSwitch? {
        plugin.entry == entry ? offSwitch : nil
    }

    /// Asks the plugin, and returns soon after the deadline or the caller's cancellation whatever its invoker does.
    func invoke(_ invocation: PluginInvocation, deadlines: DeadlineQueue) async -> PluginAnswer {
        guard isGuarded else { return await invoker.invoke(invocation) }
        return await callGuard.invoke(invocation, invoker, deadlines)
    }
}

/// Whether an error has switched a plugin with `on_error: disable` off; it stays so until the configuration is loaded anew.
final class OffSwitch: Sendable {
    let isOff = Atomic<Bool>(false)
}
