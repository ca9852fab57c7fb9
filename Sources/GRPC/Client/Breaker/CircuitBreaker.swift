// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Values

/// Counts how calls end, and says when no more should be sent.
///
/// Without clocks or timers of its own: whoever owns it tells the time, asks the server for its health while it is open, and
/// closes it.
struct CircuitBreaker: Sendable {
    /// Why and since when it is open.
    struct Opening: Sendable, Equatable {
        let reason: String
        let since: WallTime
    }

    private struct Counts {
        var good = 0
        var bad = 0
    }

    private let configuration: GRPCChannelConfiguration.Breaker
    private(set) var opening: Opening?
    private var badInARow = 0
    /// Of the running half of the window, and of the one before.
    private var current = Counts()
    private var previous = Counts()
    private var halfBegan: NIODeadline

    init(_ configuration: GRPCChannelConfiguration.Breaker, now: NIODeadline) {
        self.configuration = configuration
        halfBegan = now
    }

    /// Takes note of calls that have ended; true when that opened the breaker.
    mutating func record(good: Int, bad: Int, lastFailure: String, now: NIODeadline, wall: WallTime = .now) -> Bool {
        advance(now)
        current.good += good
        current.bad += bad
        if good > 0 { badInARow = 0 }
        badInARow += bad
        guard opening == nil, bad > 0 else { return false }
        let all = Counts(good: current.good + previous.good, bad: current.bad + previous.bad)
        let calls = all.good + all.bad
        let reason: String
        if badInARow >= configuration.consecutiveFailures {
            reason = "\(badInARow) calls in a row failed"
        } else if calls >= configuration.minimumCalls, Double(all.bad) >= configuration.errorRate * Double(calls) {
            reason = "\(all.bad) of the last \(calls) calls failed"
        } else {
            return false
        }
        opening = Opening(reason: "\(reason), the last with \(lastFailure)", since: wall)
        return true
    }

    /// The server says that it serves: everything begins anew.
    mutating func close(now: NIODeadline) {
        self = CircuitBreaker(configuration, now: now)
    }

    private mutating func advance(_ now: NIODeadline) {
        let half = TimeAmount(configuration.window).nanoseconds / 2
        let elapsed = (now - halfBegan).nanoseconds
        guard elapsed >= half else { return }
        previous = elapsed < 2 * half ? current : Counts()
        current = Counts()
        halfBegan = now
    }
}
