// SPDX-License-Identifier: Apache-2.0

/// How long, and for whom, a list or a resource may be kept (MCP 2026-07-28, `ttlMs` and `cacheScope`).
package struct MCPCacheHint: Sendable, Equatable {
    /// Whom a kept result may be given to.
    package enum Scope: String, Sendable {
        /// Whoever may use the server: nothing in it depends on who asks.
        case `public`
        /// Only whom it was given to, by the same credentials.
        case `private`
    }

    /// For how long it may be kept, in milliseconds; 0 means that it is out of date at once.
    package var milliseconds: Int
    /// Whom it may be given to.
    package var scope: Scope

    /// Makes a hint.
    ///
    /// - Parameter milliseconds: not negative; less counts as 0.
    package init(milliseconds: Int = 0, scope: Scope = .private) {
        self.milliseconds = max(0, milliseconds)
        self.scope = scope
    }
}
