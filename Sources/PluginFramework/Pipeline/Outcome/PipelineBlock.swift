// SPDX-License-Identifier: Apache-2.0

import Values

/// Why a call does not go on, and what its caller is told.
public struct PipelineBlock: Error, Sendable, Equatable {
    /// What ended the call.
    public enum Reason: Sendable, Equatable {
        /// A plugin decided so.
        case violation(PluginViolation)
        /// A plugin could not decide and its mode does not let that pass, or the pipeline could not ask.
        case error(PluginError)
    }

    /// What ended the call.
    public var reason: Reason
    /// The plugin that did; nil if it was the pipeline itself.
    public var plugin: String?

    init(_ reason: Reason, plugin: String?) {
        self.reason = reason
        self.plugin = plugin
    }

    /// The violation, if there is one.
    public var violation: PluginViolation? {
        guard case .violation(let violation) = reason else { return nil }
        return violation
    }

    /// The error, if there is one.
    public var error: PluginError? {
        guard case .error(let error) = reason else { return nil }
        return error
    }

    /// The name under which the pipeline's own errors travel.
    static let ownName = "pipeline"

    /// A block by the pipeline itself.
    static func own(_ message: String, code: String) -> PipelineBlock {
        PipelineBlock(.error(PluginError(message, pluginName: ownName, code: code)), plugin: nil)
    }
}

extension PipelineBlock: CustomStringConvertible {
    /// Who blocked and why, on one line.
    public var description: String {
        switch reason {
        case .violation(let violation):
            "\(plugin ?? Self.ownName): \(violation.code.isEmpty ? "" : "\(violation.code): ")\(violation.reason)"
        case .error(let error):
            "\(error)"
        }
    }
}
