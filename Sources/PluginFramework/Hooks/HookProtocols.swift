// SPDX-License-Identifier: Apache-2.0

// One small protocol a hook. A plugin that conforms to one listens to that hook.

/// A plugin that listens to `prompt_pre_fetch`.
public protocol PromptPreFetch: Plugin {
    /// Called before a prompt is fetched.
    func promptPreFetch(_ request: PromptRequest, context: PluginContext) async throws -> Verdict<PromptRequest>
}

/// A plugin that listens to `prompt_post_fetch`.
public protocol PromptPostFetch: Plugin {
    /// Called after a prompt was rendered.
    func promptPostFetch(_ response: PromptResponse, context: PluginContext) async throws -> Verdict<PromptResponse>
}

/// A plugin that listens to `tool_pre_invoke`.
public protocol ToolPreInvoke: Plugin {
    /// Called before a tool is called.
    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall>
}

/// A plugin that listens to `tool_post_invoke`.
public protocol ToolPostInvoke: Plugin {
    /// Called after a tool answered.
    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult>
}

/// A plugin that listens to `resource_pre_fetch`.
public protocol ResourcePreFetch: Plugin {
    /// Called before a resource is read.
    func resourcePreFetch(_ request: ResourceRequest, context: PluginContext) async throws -> Verdict<ResourceRequest>
}

/// A plugin that listens to `resource_post_fetch`.
public protocol ResourcePostFetch: Plugin {
    /// Called after a resource was read.
    func resourcePostFetch(_ content: ResourceContent, context: PluginContext) async throws -> Verdict<ResourceContent>
}

/// A plugin that listens to `agent_pre_invoke`.
public protocol AgentPreInvoke: Plugin {
    /// Called before an agent is called.
    func agentPreInvoke(_ call: AgentCall, context: PluginContext) async throws -> Verdict<AgentCall>
}

/// A plugin that listens to `agent_post_invoke`.
public protocol AgentPostInvoke: Plugin {
    /// Called after an agent answered.
    func agentPostInvoke(_ response: AgentResponse, context: PluginContext) async throws -> Verdict<AgentResponse>
}

/// A plugin that listens to `http_pre_request`.
public protocol HTTPPreRequest: Plugin {
    /// Called before an HTTP request is handled; the change is a map of request headers.
    func httpPreRequest(_ request: HTTPRequestHead, context: PluginContext) async throws -> Verdict<HTTPHeaderMap>
}

/// A plugin that listens to `http_post_request`.
public protocol HTTPPostRequest: Plugin {
    /// Called after an HTTP request was handled; the change is a map of response headers.
    func httpPostRequest(_ exchange: HTTPExchange, context: PluginContext) async throws -> Verdict<HTTPHeaderMap>
}

/// A plugin that listens to `http_auth_resolve_user`.
public protocol HTTPAuthResolveUser: Plugin {
    /// Called when the user of a request is to be found; the change is the user.
    func httpAuthResolveUser(
        _ request: UserResolutionRequest, context: PluginContext
    ) async throws -> Verdict<ResolvedUser>
}

/// A plugin that listens to `http_auth_check_permission`.
public protocol HTTPAuthCheckPermission: Plugin {
    /// Called when a permission is to be decided; the change is the decision.
    func httpAuthCheckPermission(
        _ request: PermissionRequest, context: PluginContext
    ) async throws -> Verdict<PermissionDecision>
}

extension Plugin {
    /// A handler for each hook that the plugin listens to; a custom handler for a standard hook takes precedence.
    var handlers: [HookHandler] {
        var handlers = customHooks
        if let plugin = self as? any PromptPreFetch {
            handlers.append(HookHandler(.promptPreFetch) { try await plugin.promptPreFetch($0, context: $1) })
        }
        if let plugin = self as? any PromptPostFetch {
            handlers.append(HookHandler(.promptPostFetch) { try await plugin.promptPostFetch($0, context: $1) })
        }
        if let plugin = self as? any ToolPreInvoke {
            handlers.append(HookHandler(.toolPreInvoke) { try await plugin.toolPreInvoke($0, context: $1) })
        }
        if let plugin = self as? any ToolPostInvoke {
            handlers.append(HookHandler(.toolPostInvoke) { try await plugin.toolPostInvoke($0, context: $1) })
        }
        if let plugin = self as? any ResourcePreFetch {
            handlers.append(HookHandler(.resourcePreFetch) { try await plugin.resourcePreFetch($0, context: $1) })
        }
        if let plugin = self as? any ResourcePostFetch {
            handlers.append(HookHandler(.resourcePostFetch) { try await plugin.resourcePostFetch($0, context: $1) })
        }
        if let plugin = self as? any AgentPreInvoke {
            handlers.append(HookHandler(.agentPreInvoke) { try await plugin.agentPreInvoke($0, context: $1) })
        }
        if let plugin = self as? any AgentPostInvoke {
            handlers.append(HookHandler(.agentPostInvoke) { try await plugin.agentPostInvoke($0, context: $1) })
        }
        if let plugin = self as? any HTTPPreRequest {
            handlers.append(HookHandler(.httpPreRequest) { try await plugin.httpPreRequest($0, context: $1) })
        }
        if let plugin = self as? any HTTPPostRequest {
            handlers.append(HookHandler(.httpPostRequest) { try await plugin.httpPostRequest($0, context: $1) })
        }
        if let plugin = self as? any HTTPAuthResolveUser {
            handlers.append(HookHandler(.httpAuthResolveUser) { try await plugin.httpAuthResolveUser($0, context: $1) })
        }
        if let plugin = self as? any HTTPAuthCheckPermission {
            handlers.append(
                HookHandler(.httpAuthCheckPermission) { try await plugin.httpAuthCheckPermission($0, context: $1) })
        }
        return handlers
    }
}
