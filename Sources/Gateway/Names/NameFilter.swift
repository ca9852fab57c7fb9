// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// Which names are offered: some lists of patterns, made ready.
struct NameFilter: Sendable {
    private let allowed: [Glob]
    private let denied: [Glob]

    /// - Parameters:
    ///   - allow: What is offered; empty for all.
    ///   - deny: What is not, even if allowed.
    init(allow: [String], deny: [String] = []) {
        allowed = allow.map { Glob($0) }
        denied = deny.map { Glob($0) }
    }

    /// Whether a thing is offered that goes by any of these names.
    func offers(_ names: String...) -> Bool {
        (allowed.isEmpty || names.contains { name in allowed.contains { $0.matches(name) } })
            && !names.contains { name in denied.contains { $0.matches(name) } }
    }
}
