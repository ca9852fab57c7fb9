// SPDX-License-Identifier: Apache-2.0

/// How an MCP endpoint behaves over HTTP.
package struct StreamableHTTPSettings: Sendable {
    /// The limits of its sessions.
    package var limits = MCPServerLimits()

    /// Which web pages may use it, and under which names it may be reached.
    ///
    /// By default those of this machine.
    package var origins = MCPOriginPolicy()

    /// How long calls in flight may go on once the endpoint is to end.
    ///
    /// Default 10 s.
    package var drainGrace: Duration = .seconds(10)

    /// The defaults.
    package init() {}
}
