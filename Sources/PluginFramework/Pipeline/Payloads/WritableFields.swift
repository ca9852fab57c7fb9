// SPDX-License-Identifier: Apache-2.0

/// Which members of a payload plugins may change, hook by hook.
///
/// A hook that is not listed follows `default_hook_policy`. At hooks whose result is of another type than their payload, being
/// listed means that a result is accepted.
public struct WritableFields: Sendable, Equatable {
    private var fields: [HookName: [String]]

    /// Makes a table.
    public init(_ fields: [HookName: [String]] = [:]) {
        self.fields = fields
    }

    /// The members that plugins may change at a hook; nil when `default_hook_policy` decides.
    public subscript(hook: HookName) -> [String]? {
        get { fields[hook] }
        set { fields[hook] = newValue }
    }

    /// What ContextForge lets plugins change.
    public static let standard = WritableFields([
        .promptPreFetch: ["args"],
        .promptPostFetch: ["result"],
        .toolPreInvoke: ["name", "args", "headers"],
        .toolPostInvoke: ["result"],
        .resourcePreFetch: ["uri", "metadata"],
        .resourcePostFetch: ["content"],
        .agentPreInvoke: ["agent_id", "messages", "tools", "headers", "model", "system_prompt", "parameters"],
        .agentPostInvoke: ["messages", "tool_calls"],
        .httpPreRequest: ["headers"],
        .httpPostRequest: ["headers"],
        .httpAuthResolveUser: [],
        .httpAuthCheckPermission: [],
    ])
}
