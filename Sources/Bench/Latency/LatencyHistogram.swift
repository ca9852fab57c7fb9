// SPDX-License-Identifier: Apache-2.0

import Histogram

/// How long calls took, each to three digits, in constant memory.
package struct LatencyHistogram: Sendable {
    /// Longer ones count as this.
    package static let longest = Duration.seconds(3_600)

    private var histogram = Histogram<UInt64>(
        highestTrackableValue: LatencyHistogram.nanoseconds(longest), numberOfSignificantValueDigits: .three)

    /// Makes an empty one.
    package init() {}

    /// Notes how long a call took; negative times count as none at all.
    package mutating func record(_ latency: Duration) {
        histogram.record(Self.nanoseconds(min(max(latency, .zero), Self.longest)))
    }

    /// Takes over what another has noted.
    package mutating func add(_ other: LatencyHistogram) {
        histogram.add(other.histogram)
    }

    /// How many calls were noted.
    package var count: Int { Int(clamping: histogram.totalCount) }

    /// The time within which this share of the calls ended, in hundredths; zero when there are none.
    package func percentile(_ percent: Double) -> Duration {
        count == 0 ? .zero : .nanoseconds(Int64(clamping: histogram.valueAtPercentile(percent)))
    }

    /// What people want to know of it.
    package var summary: LatencySummary {
        guard count > 0 else { return LatencySummary() }
        return LatencySummary(
            mean: .nanoseconds(Int64(histogram.mean.rounded())), p50: percentile(50), p90: percentile(90),
            p99: percentile(99), p999: percentile(99.9), maximum: percentile(100))
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        UInt64(duration.components.seconds) * 1_000_000_000 + UInt64(duration.components.attoseconds / 1_000_000_000)
    }
}
