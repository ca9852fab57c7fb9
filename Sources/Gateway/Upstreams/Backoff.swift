// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next attempt, after some that failed.
struct Backoff: Sendable {
    private static let first = 0.25
    private static let longest = 30.0

    private(set) var failures = 0

    /// Notes a failure.
    ///
    /// - Returns: How long to wait: doubled each time up to 30 s, a fifth of it random, so that many do not come at once.
    mutating func next() -> Duration {
        failures += 1
        let delay = min(Self.first * Double(1 << min(failures - 1, 16)), Self.longest)
        return .seconds(delay * Double.random(in: 0.8...1))
    }

    /// Notes a success.
    mutating func reset() { failures = 0 }
}
