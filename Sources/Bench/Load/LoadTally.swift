// SPDX-License-Identifier: Apache-2.0

/// What callers count.
struct LoadTally: Sendable {
    /// Failures of more kinds than this are counted together.
    static let maximumKinds = 10
    static let otherKinds = "other failures"

    var latencies = LatencyHistogram()
    var failures: [String: Int] = [:]
    var lastEnd: ContinuousClock.Instant?

    mutating func record(from begin: ContinuousClock.Instant, to end: ContinuousClock.Instant, failure: String?) {
        lastEnd = max(lastEnd ?? end, end)
        if let failure {
            count(failure, 1)
        } else {
            latencies.record(end - begin)
        }
    }

    mutating func add(_ other: LoadTally) {
        latencies.add(other.latencies)
        for (kind, count) in other.failures { self.count(kind, count) }
        if let end = other.lastEnd { lastEnd = max(lastEnd ?? end, end) }
    }

    private mutating func count(_ kind: String, _ number: Int) {
        let isKnown = failures[kind] != nil || failures.count < Self.maximumKinds
        failures[isKnown ? kind : Self.otherKinds, default: 0] += number
    }
}
