// SPDX-License-Identifier: Apache-2.0

public import Values

/// A plugin's failure to decide.
///
/// It travels in band: the caller's mode for the plugin says what it means.
public struct PluginError: Error, Sendable, Equatable {
    /// What failed, why, and what to do; never empty.
    public var message: String
    /// The plugin that failed.
    public var pluginName: String
    /// A machine-readable code, such as `INTERNAL_ERROR` or `TIMEOUT`.
    public var code: String
    /// Further data.
    public var details: ValueObject
    /// The JSON-RPC error code that a caller gets when this error ends its call.
    public var mcpErrorCode: Int

    /// JSON-RPC "internal error", the default of ContextForge.
    public static let defaultMCPErrorCode = -32603

    /// Makes an error.
    ///
    /// An empty message is replaced: the clients of ContextForge take an error without one for success.
    public init(
        _ message: String,
        pluginName: String,
        code: String = "",
        details: ValueObject = [:],
        mcpErrorCode: Int = PluginError.defaultMCPErrorCode
    ) {
        self.message = message.isEmpty ? "the plugin failed without a message" : message
        self.pluginName = pluginName
        self.code = code
        self.details = details
        self.mcpErrorCode = mcpErrorCode
    }
}

extension PluginError: CustomStringConvertible {
    /// The plugin, the code and the message, on one line.
    public var description: String {
        code.isEmpty ? "\(pluginName): \(message)" : "\(pluginName): \(code): \(message)"
    }
}

extension PluginError {
    /// The codes of errors that are made here, not by a plugin.
    package enum Code {
        /// The plugin threw, or returned what cannot be.
        package static let internalError = "INTERNAL_ERROR"
        /// The plugin took longer than its time limit.
        package static let timeout = "TIMEOUT"
        /// The caller went away before the plugin answered.
        package static let cancelled = "CANCELLED"
        /// No plugin of this name is loaded.
        package static let unknownPlugin = "PLUGIN_NOT_FOUND"
        /// The plugin has nothing to say at this hook.
        package static let unknownHook = "HOOK_NOT_FOUND"
        /// The plugin is switched off.
        package static let disabled = "PLUGIN_DISABLED"
        /// The plugin's server cannot be reached, or does not take calls.
        package static let unavailable = "PLUGIN_UNAVAILABLE"
        /// The payload is not what the hook takes.
        package static let invalidPayload = "INVALID_PAYLOAD"
        /// The changed payload that the plugin returned is not what the hook's result must be.
        package static let invalidChange = "INVALID_CHANGE"
        /// The payload is larger than plugins may get.
        package static let payloadTooLarge = "PAYLOAD_TOO_LARGE"
        /// The pipeline takes no more calls.
        package static let shutDown = "SHUT_DOWN"
        /// Too many calls of the plugin never came back.
        package static let exhausted = "PLUGIN_EXHAUSTED"
    }
}
