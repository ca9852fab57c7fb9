// SPDX-License-Identifier: Apache-2.0

public import Values

/// Runs plugins, wherever they are: implemented by the host in this process, and by the client half of each transport.
public protocol PluginInvoker: Sendable {
    /// Runs one hook of one plugin. Never throws: a failure is part of the answer, and the caller's mode says what it means.
    ///
    /// Cancelling the task that calls cancels the plugin's work; the answer is then an error.
    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer

    /// The configuration of a plugin as it may be shown, matched without regard to case; nil when there is no such plugin.
    func describe(_ plugin: String) async -> Value?

    /// How the plugins are.
    var health: PluginHealth { get async }

    /// Whether ``invoke(_:)`` surely returns soon after the invocation's deadline or the caller's cancellation.
    ///
    /// A pipeline puts a guard around those that do not say so. Defaults to false.
    var keepsDeadlines: Bool { get }
}

extension PluginInvoker {
    /// False.
    public var keepsDeadlines: Bool { false }
}

/// Answers for the plugins of this process: what the server half of each transport is a codec in front of.
public protocol PluginService: PluginInvoker {
    /// The configurations of all plugins as they may be shown, disabled ones included, in configured order.
    func describeAll() async -> [Value]

    /// The health of all plugins, now and whenever it changes.
    func healthUpdates() -> AsyncStream<PluginHealth>
}

/// How a set of plugins is.
public struct PluginHealth: Sendable, Equatable {
    /// Whether calls can be served at all.
    public var isServing: Bool
    /// Each plugin's name, and whether it can be called.
    public var plugins: [String: Bool]

    /// Makes a statement of health.
    public init(isServing: Bool, plugins: [String: Bool]) {
        self.isServing = isServing
        self.plugins = plugins
    }
}
