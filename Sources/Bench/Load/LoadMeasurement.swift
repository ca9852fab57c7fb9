// SPDX-License-Identifier: Apache-2.0

package import Values

/// What came of a load.
package struct LoadMeasurement: Sendable {
    /// What was to be done.
    package let plan: LoadPlan
    /// The times of all calls that ended as they should.
    package internal(set) var latencies = LatencyHistogram()
    /// How many calls ended otherwise, by what was wrong.
    package internal(set) var failures: [String: Int] = [:]
    /// From the end of the warm-up to the end of the last call.
    package internal(set) var elapsed: Duration = .zero
    /// Whether it was ended before its time.
    package internal(set) var wasInterrupted = false
    /// How many calls of the schedule had not begun at the end, because all callers waited for answers.
    ///
    /// Their times are not among the others, which are too good then.
    package internal(set) var notBegun = 0

    init(plan: LoadPlan) {
        self.plan = plan
    }

    /// How many calls ended as they should.
    package var calls: Int { latencies.count }

    /// How many calls did not.
    package var failureCount: Int { failures.values.reduce(0, +) }

    /// Calls a second that ended as they should.
    package var rate: Double {
        elapsed > .zero ? Double(calls) / elapsed.fractionalSeconds : 0
    }

    /// The figures, times in microseconds unless the name says seconds.
    package var json: Value {
        [
            "calls": .int(Int64(calls)), "calls_per_second": .double(rate),
            "seconds": .double(elapsed.fractionalSeconds),
            "in_flight": .int(Int64(plan.inFlight)), "scheduled_rate": plan.rate.map(Value.double) ?? .null,
            "warmup_seconds": .double(plan.warmup.fractionalSeconds),
            "latency_us": latencies.summary.json,
            "failures": .object(
                ValueObject(sortedFailures.map { ($0.key, .int(Int64($0.value))) })),
            "not_begun": .int(Int64(notBegun)), "interrupted": .bool(wasInterrupted),
        ]
    }

    /// The figures for people, a line each.
    package var lines: [String] {
        let time = "\(elapsed.fractionalSeconds.rounded(digits: 1)) s"
        var lines = [
            "calls      \(calls.grouped) in \(time)\(wasInterrupted ? " (interrupted)" : ""): \(Int(rate.rounded()).grouped)/s"
        ]
        if calls > 0 { lines.append("latency    \(latencies.summary.text)") }
        for (kind, count) in sortedFailures { lines.append("failed     \(count.grouped): \(kind)") }
        if notBegun > 0 {
            lines.append(
                "not begun  \(notBegun.grouped) of the schedule: the server did not keep up, and the times above are too good; "
                    + "lower --rate, or raise --in-flight")
        }
        return lines
    }

    private var sortedFailures: [(key: String, value: Int)] {
        failures.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    }
}
