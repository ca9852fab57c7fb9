// SPDX-License-Identifier: Apache-2.0

import Glibc

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

/// A moment by the clock on the wall, to the second.
package struct WallTime: Sendable, Equatable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int

    /// This moment.
    package static var now: WallTime { WallTime(seconds: time(nil)) }

    /// The moment in UTC, as ISO 8601 writes it: `2026-11-22T10:30:00Z`.
    package var description: String {
        var seconds: time_t = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
