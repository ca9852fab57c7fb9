// SPDX-License-Identifier: Apache-2.0

/// How the way to a plugin server over MCP is.
package struct MCPChannelStatus: Sendable, Equatable {
    /// Whether there is a session.
    package enum Connectivity: Sendable, Equatable {
        /// Not started.
        case idle
        /// The first session is being begun.
        case connecting
        /// There is a session.
        case ready
        /// There is none; one is tried to begin again and again.
        case failed
        /// Shut down.
        case shutDown
    }

    /// Whether there is a session.
    package var connectivity = Connectivity.idle
    /// Counts sessions: a server that was connected to anew may have changed.
    package var generation: UInt64 = 0
    /// Why there is no session, when there is a reason.
    package var failure: String?
}
