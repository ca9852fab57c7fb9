// SPDX-License-Identifier: Apache-2.0

public import Values

/// One request on its way through the hooks: what its plugins share, and what each keeps for itself from a pre hook to its post
/// hook.
///
/// Whoever handles a request makes one, hands it to every ``Pipeline/run(_:_:in:)`` of that request, and lets it go at the end. It
/// holds the configuration that the first hook ran with, so that a reload does not come between a pre hook and its post hook.
public struct PipelineRequest: Sendable {
    struct LocalContext: Sendable {
        var state: ValueObject
        var metadata: ValueObject
    }

    /// What is known about the request, and what its plugins shared so far.
    ///
    /// With another `requestID` it is another request: what plugins kept for themselves is gone.
    public var global: GlobalContext

    /// By which further names conditions may mean what payloads are about.
    package var subjects: (any PipelineSubjects)?

    /// The client's headers that carry secrets, names in lower case: for plugins whose entry asks for them, and nobody else.
    ///
    /// Nothing need be set unless ``Pipeline/givesCredentials(at:in:)``.
    package var credentials: ValueObject {
        get { proof?.credentials ?? [:] }
        set {
            guard proof != nil || !newValue.isEmpty else { return }
            proof = Proof(credentials: newValue, caller: proof?.caller)
        }
    }

    /// Who makes the request, as a certificate says that was verified: what plugins of this process know as
    /// ``PluginContext/caller``.
    ///
    /// Nil without one. It does not travel to plugins elsewhere.
    public var caller: CallerIdentity? {
        get { proof?.caller }
        set {
            guard proof != nil || newValue != nil else { return }
            proof = Proof(credentials: proof?.credentials ?? [:], caller: newValue)
        }
    }

    /// By what a client shows who it is; a reference, because most requests have none of it, and all are copied.
    private final class Proof: Sendable {
        let credentials: ValueObject
        let caller: CallerIdentity?

        init(credentials: ValueObject, caller: CallerIdentity?) {
            self.credentials = credentials
            self.caller = caller
        }
    }

    private var proof: Proof?
    private var contexts: [ByteKey: LocalContext] = [:]
    private var contextsOwner: String
    var generation: PipelineGeneration?

    /// Makes a request.
    public init(_ global: GlobalContext) {
        self.global = global
        contextsOwner = global.requestID
    }

    /// What a plugin keeps for itself within this request; nil if it has kept nothing.
    public func state(of plugin: String) -> ValueObject? {
        context(of: ByteKey(plugin))?.state
    }

    func context(of plugin: ByteKey) -> LocalContext? {
        guard !contexts.isEmpty, contextsOwner.hasSameBytes(as: global.requestID) else { return nil }
        return contexts[plugin]
    }

    mutating func keep(_ context: LocalContext, of plugin: ByteKey) {
        if !contextsOwner.hasSameBytes(as: global.requestID) {
            contexts = [:]
            contextsOwner = global.requestID
        }
        contexts[plugin] = context
    }
}
