// SPDX-License-Identifier: Apache-2.0

public import Values

/// What a plugin decides at one hook: let the call pass, as it is or changed, or block it.
///
/// ```swift
/// return .pass
/// return .pass(changed)
/// return .block(PluginViolation(code: "CLOSED", reason: "Outside business hours"))
/// ```
public struct Verdict<Change: HookPayload>: Sendable {
    /// The payload that takes the place of the one received; nil when it is unchanged.
    public var change: Change?
    /// Why the call is blocked; nil when it may pass.
    public var violation: PluginViolation?
    /// What the plugin wants recorded about the call.
    public var metadata: ValueObject
    /// HTTP headers for the caller's response: names to strings.
    public var httpHeaders: ValueObject?
    /// How long the caller should wait before it repeats the call, in milliseconds; 0 for not at all.
    public var retryDelayMilliseconds: Int

    @inlinable
    init(
        change: Change?,
        violation: PluginViolation?,
        metadata: ValueObject,
        httpHeaders: ValueObject?,
        retryDelayMilliseconds: Int
    ) {
        self.change = change
        self.violation = violation
        self.metadata = metadata
        self.httpHeaders = httpHeaders
        self.retryDelayMilliseconds = retryDelayMilliseconds
    }

    /// The call may pass as it is.
    @inlinable public static var pass: Verdict { .pass() }

    /// The call may pass, changed if a changed payload is given.
    @inlinable
    public static func pass(
        _ change: Change? = nil,
        metadata: ValueObject = [:],
        httpHeaders: ValueObject? = nil,
        retryDelayMilliseconds: Int = 0
    ) -> Verdict {
        Verdict(
            change: change, violation: nil, metadata: metadata, httpHeaders: httpHeaders,
            retryDelayMilliseconds: retryDelayMilliseconds)
    }

    /// The call is blocked.
    @inlinable
    public static func block(
        _ violation: PluginViolation,
        metadata: ValueObject = [:],
        httpHeaders: ValueObject? = nil,
        retryDelayMilliseconds: Int = 0
    ) -> Verdict {
        Verdict(
            change: nil, violation: violation, metadata: metadata, httpHeaders: httpHeaders,
            retryDelayMilliseconds: retryDelayMilliseconds)
    }

    /// The verdict as the untyped result that pipelines and transports carry.
    ///
    /// - Parameter document: that of the change.
    @inlinable
    func result(changing document: Document?) -> PluginResult {
        PluginResult(
            continueProcessing: violation == nil, modifiedPayload: document, violation: violation,
            metadata: metadata, httpHeaders: httpHeaders, retryDelayMilliseconds: retryDelayMilliseconds)
    }
}
