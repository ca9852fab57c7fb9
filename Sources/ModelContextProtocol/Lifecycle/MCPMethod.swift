// SPDX-License-Identifier: Apache-2.0

/// The methods that the cores themselves know.
package enum MCPMethod {
    /// Begins a session.
    package static let initialize = "initialize"
    /// The client has taken the answer to `initialize`.
    package static let initialized = "notifications/initialized"
    /// Asks whether the other end is there.
    package static let ping = "ping"
    /// The sender no longer wants the answer to its request.
    package static let cancelled = "notifications/cancelled"
    /// How far a request has come.
    package static let progress = "notifications/progress"
    /// What revision 2026-07-28 asks first; a server of the handshake revisions refuses it.
    package static let discover = "server/discover"
}
