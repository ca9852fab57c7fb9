// SPDX-License-Identifier: Apache-2.0

/// How a server is to be loaded.
package struct LoadPlan: Sendable, Equatable {
    /// How many calls are in flight at a time, at most; at least 1.
    package var inFlight = 32
    /// For how long calls are measured.
    package var duration: Duration = .seconds(10)
    /// For how long calls are made before that, which nobody counts.
    package var warmup: Duration = .seconds(1)
    /// How many calls a second begin, by a schedule that does not wait for answers; nil for as many as answers allow.
    ///
    /// With a rate, a call's time counts from the moment at which the schedule has it: when the server falls behind, the calls that
    /// could not begin in time count as slow, not as never asked for.
    package var rate: Double?

    /// Makes a plan with the defaults.
    package init() {}
}

/// When the calls of an open loop are to begin.
package struct OpenLoopSchedule: Sendable {
    /// When the first one is.
    package let start: ContinuousClock.Instant
    /// Calls a second, above 0.
    package let rate: Double

    /// Makes a schedule.
    package init(start: ContinuousClock.Instant, rate: Double) {
        self.start = start
        self.rate = rate
    }

    /// When a call is to begin; the first has number 0.
    ///
    /// Reckoned from the start each time, so that rounding does not add up.
    package func begin(of number: Int) -> ContinuousClock.Instant {
        start + .nanoseconds(Int64((Double(number) / rate * 1e9).rounded()))
    }

    /// How many calls are to begin before a moment.
    package func count(before end: ContinuousClock.Instant) -> Int {
        guard end > start else { return 0 }
        return Int(((end - start).fractionalSeconds * rate).rounded(.up))
    }
}
