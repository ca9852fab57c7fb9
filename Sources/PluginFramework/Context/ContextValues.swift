// SPDX-License-Identifier: Apache-2.0

public import Values

/// What a ``PluginContext`` holds, as a plain value: what travels, and what is compared to see whether a plugin changed it.
public struct ContextValues: Sendable, Equatable {
    /// Data private to one plugin, kept from a pre hook to its post hook within a request.
    public var state: ValueObject
    /// What the plugin notes about the call.
    public var metadata: ValueObject
    /// What all plugins share.
    public var global: GlobalContext

    /// Makes the values of a context.
    public init(global: GlobalContext, state: ValueObject = [:], metadata: ValueObject = [:]) {
        self.global = global
        self.state = state
        self.metadata = metadata
    }
}

/// A context in the bytes of some format, already checked, not yet decoded.
public protocol EncodedContext: Sendable {
    /// All of it.
    func decode() -> ContextValues
}
