// SPDX-License-Identifier: Apache-2.0

public import Values

/// What the plugins of one hook decided together.
public struct PipelineOutcome: Sendable {
    /// Whether the call goes on.
    public enum Verdict: Sendable {
        /// It goes on, with `change` in the payload's place if there is one.
        ///
        /// The change is of the hook's result type: at the `http_*` hooks headers, a user or a decision, else a whole payload.
        case allowed(change: Document?)
        /// It does not go on.
        case blocked(PipelineBlock)
    }

    /// Whether the call goes on.
    public var verdict: Verdict
    /// What the plugins want recorded; of equal keys the last plugin's.
    ///
    /// `_decision_plugin` is the pipeline's own: the plugin whose decision `http_auth_check_permission` ended with.
    public var metadata: ValueObject
    /// HTTP headers for the caller's response; of equal names the last plugin's.
    public var httpHeaders: ValueObject
    /// How long the caller should wait before it repeats the call, in milliseconds: the longest that a plugin asked for.
    public var retryDelayMilliseconds: Int
    /// What each plugin that was asked did, in the order of the chain.
    public var steps: [PipelineStep]

    init(
        verdict: Verdict,
        metadata: ValueObject = [:],
        httpHeaders: ValueObject = [:],
        retryDelayMilliseconds: Int = 0,
        steps: [PipelineStep] = []
    ) {
        self.verdict = verdict
        self.metadata = metadata
        self.httpHeaders = httpHeaders
        self.retryDelayMilliseconds = retryDelayMilliseconds
        self.steps = steps
    }

    /// Nobody had anything to say.
    static let unchanged = PipelineOutcome(verdict: .allowed(change: nil))

    /// What took the payload's place; nil when the call is blocked or nothing was changed.
    public var change: Document? {
        guard case .allowed(let change) = verdict else { return nil }
        return change
    }

    /// Why the call is blocked; nil when it goes on.
    public var block: PipelineBlock? {
        guard case .blocked(let block) = verdict else { return nil }
        return block
    }

    /// The payload that goes on: the change if there is one, else the one given; at hooks whose result is another type than their
    /// payload, use ``change``.
    ///
    /// - Throws: ``PipelineBlock`` when the call is blocked; ``ValueError`` when the change is not of this type.
    public func payload<Payload: HookPayload>(_ original: Payload) throws -> Payload {
        switch verdict {
        case .allowed(nil): return original
        case .allowed(let change?): return try Payload(document: change)
        case .blocked(let block): throw block
        }
    }
}
