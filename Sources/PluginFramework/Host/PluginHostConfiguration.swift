// SPDX-License-Identifier: Apache-2.0

/// How a ``PluginHost`` treats its plugins.
public struct PluginHostConfiguration: Sendable {
    /// How long one hook of one plugin may take, unless its entry says otherwise.
    ///
    /// Default: 30 seconds, as ContextForge.
    public var timeLimit: Duration = .seconds(30)

    /// How long a plugin that is not declared to block may hold its thread before it is called stalled.
    ///
    /// Default: 1 second.
    public var stallLimit: Duration = .seconds(1)

    /// How many calls of one plugin may be beyond their time limit and still not have returned, before further ones are refused.
    ///
    /// Such calls cannot be ended, only given up; without a bound they would fill the memory. Default: 1,000.
    public var maximumAbandonedCalls = 1_000

    /// How long one plugin's `initialize()` may take.
    ///
    /// Default: 30 seconds.
    public var initializationLimit: Duration = .seconds(30)

    /// What is hidden when a configuration is shown; nil shows everything.
    ///
    /// Default: keys that look secret.
    public var secretMask: SecretMask? = SecretMask()

    /// Makes a configuration with the defaults.
    public init() {}

    /// Makes what a configuration file says.
    public init(_ settings: PluginServerSettings) {
        timeLimit = settings.pipeline.pluginTimeout
        stallLimit = settings.process.stallLimit
        maximumAbandonedCalls = settings.process.maximumAbandonedCalls
        initializationLimit = settings.process.initializationTimeout
        secretMask = settings.process.exposesSecrets ? nil : SecretMask(secretKeys: settings.process.secretKeys)
    }
}
