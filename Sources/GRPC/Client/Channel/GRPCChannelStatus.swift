// SPDX-License-Identifier: Apache-2.0

package import Values

/// How a channel is: for logs and health.
package struct GRPCChannelStatus: Sendable, Equatable {
    /// Whether there is a connection.
    package enum Connectivity: String, Sendable {
        /// Nobody has called yet.
        case idle
        /// The first connection, or one after the loss of the last, is being made; calls wait for it.
        case connecting
        /// Calls can be sent.
        case ready
        /// No address can be reached; calls end at once, and connecting is tried again and again.
        case transientFailure = "transient_failure"
        /// The channel was shut down.
        case shutDown = "shut_down"
    }

    /// Whether the server is given calls.
    package enum Breaker: Sendable, Equatable {
        /// It is.
        case closed
        /// It is not, since then, for this reason; its health is asked for from time to time.
        case open(since: WallTime, reason: String)
    }

    /// Whether there is a connection.
    package var connectivity = Connectivity.idle
    /// When `connectivity` became what it is.
    package var since = WallTime.now
    /// Why the last connection failed, while there is none.
    package var failure: String?
    /// Whether the server is given calls.
    package var breaker = Breaker.closed
    /// The connections that calls can be sent on.
    package var connections = 0
    /// What all of them can do, as the exchange after connecting says: a set of bits whose meaning is the exchange's.
    package var features: UInt64 = 0
    /// Counts connections made: it grows whenever there is a new one.
    package var generation: UInt64 = 0

    /// Whether calls are sent.
    package var isServing: Bool { connectivity == .ready && breaker == .closed }
}
