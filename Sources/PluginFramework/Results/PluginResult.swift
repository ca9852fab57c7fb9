// SPDX-License-Identifier: Apache-2.0

public import Values

/// What one plugin said at one hook.
public struct PluginResult: Sendable, Equatable {
    /// Whether the call may go on, as far as this plugin is concerned.
    public var continueProcessing: Bool
    /// The payload that takes the place of the one received; nil when it is unchanged.
    public var modifiedPayload: Document?
    /// Why the call may not go on.
    public var violation: PluginViolation?
    /// What the plugin wants recorded about the call.
    public var metadata: ValueObject
    /// HTTP headers for the caller's response: names to strings.
    public var httpHeaders: ValueObject?
    /// How long the caller should wait before it repeats the call, in milliseconds; 0 for not at all.
    public var retryDelayMilliseconds: Int

    /// Makes a result; without arguments "go on, nothing changed".
    public init(
        continueProcessing: Bool = true,
        modifiedPayload: Document? = nil,
        violation: PluginViolation? = nil,
        metadata: ValueObject = [:],
        httpHeaders: ValueObject? = nil,
        retryDelayMilliseconds: Int = 0
    ) {
        self.continueProcessing = continueProcessing
        self.modifiedPayload = modifiedPayload
        self.violation = violation
        self.metadata = metadata
        self.httpHeaders = httpHeaders
        self.retryDelayMilliseconds = retryDelayMilliseconds
    }

    /// Whether this is "go on, nothing changed, nothing to add".
    public var isPlainPass: Bool {
        continueProcessing && modifiedPayload == nil && violation == nil && metadata.isEmpty && httpHeaders == nil
            && retryDelayMilliseconds == 0
    }
}
