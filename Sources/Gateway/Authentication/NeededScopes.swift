// SPDX-License-Identifier: Apache-2.0

import PluginFramework

/// The scopes that calls of one upstream need.
///
/// They go by the upstream's own names, so that neither a prefix, a virtual server nor a plugin that renames a call leads around
/// them.
struct NeededScopes: Sendable {
    private let everything: [String]
    private let tools: [(pattern: Glob, scopes: [String])]

    /// Compiles what is configured.
    init(_ upstream: UpstreamSettings) {
        everything = upstream.scopes
        tools = upstream.toolScopes.map { (Glob($0.pattern), $0.scopes) }
    }

    /// What a prompt or a resource needs.
    var ofAnything: [String] { everything }

    /// What a tool needs: what everything of its upstream does, and what each pattern says that fits its name.
    func ofTool(_ original: String) -> [String] {
        guard !tools.isEmpty else { return everything }
        return tools.reduce(into: everything) { scopes, rule in
            if rule.pattern.matches(original) { scopes += rule.scopes }
        }
    }
}
