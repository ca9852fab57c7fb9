// SPDX-License-Identifier: Apache-2.0

public import Values

/// One hook of one plugin, to be run once.
public struct PluginInvocation: Sendable {
    /// The hook.
    public var hook: HookName
    /// The plugin's name; matched exactly, else without regard to case when that is unambiguous.
    public var plugin: String
    /// What the hook is about.
    public var payload: Document
    /// What is known about the request.
    public var context: PluginContext
    /// When the caller stops waiting; nil for never.
    public var deadline: ContinuousClock.Instant?

    /// Whether the plugin may start on the thread that invokes, before `invoke` suspends.
    ///
    /// False where that thread belongs to others, as those of Swift's own pool do, and a plugin might hold it.
    public var startsInline: Bool

    /// The encoded forms of the payload that are kept for all who get it; nil when nobody else does.
    package var encodings: PayloadEncodings?

    /// Makes an invocation.
    public init(
        hook: HookName,
        plugin: String,
        payload: Document,
        context: PluginContext,
        deadline: ContinuousClock.Instant? = nil,
        startsInline: Bool = true
    ) {
        self.hook = hook
        self.plugin = plugin
        self.payload = payload
        self.context = context
        self.deadline = deadline
        self.startsInline = startsInline
    }
}

/// What a plugin answered to one invocation.
public struct PluginAnswer: Sendable {
    /// The plugin's name as it is configured; as it was asked for, when there is none.
    public var plugin: String
    /// What it said, or why it could not.
    public var outcome: Result<PluginResult, PluginError>
    private var changedContext: ChangedContext?

    /// The context, if the plugin changed it.
    public var context: ContextValues? {
        get { changedContext?.values }
        set { changedContext = newValue.map { ChangedContext($0) } }
    }

    /// Makes an answer.
    public init(plugin: String, outcome: Result<PluginResult, PluginError>, context: ContextValues? = nil) {
        self.plugin = plugin
        self.outcome = outcome
        changedContext = context.map { ChangedContext($0) }
    }
}

/// A context that a plugin changed, behind one reference: few do, and answers are handed on many times on their way.
package final class ChangedContext: Sendable {
    /// What it is now.
    package let values: ContextValues

    /// Takes a context.
    package init(_ values: ContextValues) {
        self.values = values
    }
}
