// SPDX-License-Identifier: Apache-2.0

/// What a hook is about, for the conditions that name it.
enum HookSubject: String, Sendable, CaseIterable {
    case tools, prompts, resources, agents

    /// The subject of a hook; nil for those without one, at which these conditions are not looked at.
    init?(_ hook: HookName) {
        switch hook {
        case .toolPreInvoke, .toolPostInvoke: self = .tools
        case .promptPreFetch, .promptPostFetch: self = .prompts
        case .resourcePreFetch, .resourcePostFetch: self = .resources
        case .agentPreInvoke, .agentPostInvoke: self = .agents
        default: return nil
        }
    }

    /// The member of the payload that names it.
    var payloadKey: String {
        switch self {
        case .tools: "name"
        case .prompts: "prompt_id"
        case .resources: "uri"
        case .agents: "agent_id"
        }
    }

    func names(in condition: PluginCondition) -> [String] {
        switch self {
        case .tools: condition.tools
        case .prompts: condition.prompts
        case .resources: condition.resources
        case .agents: condition.agents
        }
    }
}
