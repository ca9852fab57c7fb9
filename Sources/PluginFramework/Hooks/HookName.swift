// SPDX-License-Identifier: Apache-2.0

import Values

/// The name of a point in the way of a call at which plugins run, such as `tool_pre_invoke`.
///
/// The set is open: whoever owns a custom hook names it. Names are compared as UTF-8 bytes.
public struct HookName: RawRepresentable, Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The name as configuration and wire spell it.
    public let rawValue: String

    /// Makes a name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Makes a name from a literal.
    public init(stringLiteral value: String) {
        self.init(rawValue: value)
    }

    /// The name itself.
    public var description: String { rawValue }

    /// Compares by bytes.
    public static func == (lhs: HookName, rhs: HookName) -> Bool {
        lhs.rawValue.hasSameBytes(as: rhs.rawValue)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        var rawValue = rawValue
        rawValue.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension HookName {
    /// Before a prompt is fetched.
    public static let promptPreFetch: HookName = "prompt_pre_fetch"
    /// After a prompt was rendered.
    public static let promptPostFetch: HookName = "prompt_post_fetch"
    /// Before a tool is called.
    public static let toolPreInvoke: HookName = "tool_pre_invoke"
    /// After a tool answered.
    public static let toolPostInvoke: HookName = "tool_post_invoke"
    /// Before a resource is read.
    public static let resourcePreFetch: HookName = "resource_pre_fetch"
    /// After a resource was read.
    public static let resourcePostFetch: HookName = "resource_post_fetch"
    /// Before an agent is called.
    public static let agentPreInvoke: HookName = "agent_pre_invoke"
    /// After an agent answered.
    public static let agentPostInvoke: HookName = "agent_post_invoke"
    /// Before an HTTP request is handled.
    public static let httpPreRequest: HookName = "http_pre_request"
    /// After an HTTP request was handled.
    public static let httpPostRequest: HookName = "http_post_request"
    /// When the user of a request is to be found.
    public static let httpAuthResolveUser: HookName = "http_auth_resolve_user"
    /// When a permission is to be decided.
    public static let httpAuthCheckPermission: HookName = "http_auth_check_permission"

    /// The twelve hooks of ContextForge, in the order of its documentation.
    public static let standard: [HookName] = [
        .promptPreFetch, .promptPostFetch, .toolPreInvoke, .toolPostInvoke, .resourcePreFetch, .resourcePostFetch,
        .agentPreInvoke, .agentPostInvoke, .httpPreRequest, .httpPostRequest, .httpAuthResolveUser,
        .httpAuthCheckPermission,
    ]
}
