// SPDX-License-Identifier: Apache-2.0

package import Values

/// How the way to a raw socket server is: for logs and health.
package struct SocketChannelStatus: Sendable, Equatable {
    /// Whether there is a connection.
    package enum Connectivity: String, Sendable {
        /// Nobody has called yet.
        case idle
        /// The first connection, or one after the loss of the last, is being made; calls wait for it.
        case connecting
        /// Calls can be sent.
        case ready
        /// The server cannot be reached; calls end at once, and connecting is tried again and again.
        case failed
        /// It was shut down.
        case shutDown = "shut_down"
    }

    /// Whether there is a connection.
    package var connectivity = Connectivity.idle
    /// When `connectivity` became what it is.
    package var since = WallTime.now
    /// Why the last connection failed, while there is none.
    package var failure: String?
    /// Counts the times that the first connection was made: it grows when the server may be another.
    package var generation: UInt64 = 0
}
