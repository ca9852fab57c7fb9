// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How long to wait before something that failed is tried again: longer each time, and never as long as others.
struct Backoff: Sendable {
    private static let growth = 1.6
    private static let jitter = 0.2

    private let first: Double
    private let most: Double
    private var next: Double

    init(first: Duration, most: Duration) {
        self.first = Double(TimeAmount(first).nanoseconds)
        self.most = max(self.first, Double(TimeAmount(most).nanoseconds))
        next = self.first
    }

    /// The next wait.
    mutating func delay(using generator: inout some RandomNumberGenerator) -> TimeAmount {
        let delay = next * Double.random(in: 1 - Self.jitter...1 + Self.jitter, using: &generator)
        next = min(most, next * Self.growth)
        return .nanoseconds(Int64(delay))
    }

    /// The next wait, with the system's randomness.
    mutating func delay() -> TimeAmount {
        var generator = SystemRandomNumberGenerator()
        return delay(using: &generator)
    }

    /// It worked: the next wait is a short one again.
    mutating func reset() { next = first }
}
