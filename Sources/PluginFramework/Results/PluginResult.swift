// SPDX-License-Identifier: Apache-2.0

public import Values

/// What one plugin said at one hook.
///
/// Nearly all results are passes that say nothing else, and each is handed on many times on its way: what others have beside that is
/// behind one reference, which a pass does not have.
public struct PluginResult: Sendable {
    /// Whether the call may go on, as far as this plugin is concerned.
    public var continueProcessing: Bool
    private var more: More?

    /// What a result may have beside its decision.
    private struct Parts: Sendable, Equatable {
        var modifiedPayload: Document?
        var violation: PluginViolation?
        var metadata: ValueObject = [:]
        var httpHeaders: ValueObject?
        var retryDelayMilliseconds = 0

        var isEmpty: Bool {
            modifiedPayload == nil && violation == nil && metadata.isEmpty && httpHeaders == nil
                && retryDelayMilliseconds == 0
        }
    }

    /// `@unchecked Sendable`: it is changed only by a result that holds it alone.
    private final class More: @unchecked Sendable {
        var parts: Parts

        init(_ parts: Parts) {
            self.parts = parts
        }
    }

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
        guard
            modifiedPayload != nil || violation != nil || !metadata.isEmpty || httpHeaders != nil
                || retryDelayMilliseconds != 0
        else { return }
        more = More(
            Parts(
                modifiedPayload: modifiedPayload, violation: violation, metadata: metadata, httpHeaders: httpHeaders,
                retryDelayMilliseconds: retryDelayMilliseconds))
    }

    /// The payload that takes the place of the one received; nil when it is unchanged.
    public var modifiedPayload: Document? {
        get { more?.parts.modifiedPayload }
        set { if more != nil || newValue != nil { own().parts.modifiedPayload = newValue } }
    }

    /// Why the call may not go on.
    public var violation: PluginViolation? {
        get { more?.parts.violation }
        set { if more != nil || newValue != nil { own().parts.violation = newValue } }
    }

    /// What the plugin wants recorded about the call.
    public var metadata: ValueObject {
        get { more?.parts.metadata ?? [:] }
        _modify {
            let own = own()
            yield &own.parts.metadata
        }
    }

    /// HTTP headers for the caller's response: names to strings.
    public var httpHeaders: ValueObject? {
        get { more?.parts.httpHeaders }
        _modify {
            let own = own()
            yield &own.parts.httpHeaders
        }
    }

    /// How long the caller should wait before it repeats the call, in milliseconds; 0 for not at all.
    public var retryDelayMilliseconds: Int {
        get { more?.parts.retryDelayMilliseconds ?? 0 }
        set { if more != nil || newValue != 0 { own().parts.retryDelayMilliseconds = newValue } }
    }

    /// Whether this is "go on, nothing changed, nothing to add".
    public var isPlainPass: Bool {
        continueProcessing && more?.parts.isEmpty ?? true
    }

    /// The further parts, held by this result alone.
    private mutating func own() -> More {
        if isKnownUniquelyReferenced(&more), let more { return more }
        let own = More(more?.parts ?? Parts())
        more = own
        return own
    }
}

extension PluginResult: Equatable {
    /// Whether both say the same.
    public static func == (lhs: PluginResult, rhs: PluginResult) -> Bool {
        guard lhs.continueProcessing == rhs.continueProcessing else { return false }
        return lhs.more === rhs.more || lhs.more?.parts ?? Parts() == rhs.more?.parts ?? Parts()
    }
}
