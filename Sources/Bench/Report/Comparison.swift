// SPDX-License-Identifier: Apache-2.0

package import Values

/// Several contestants, measured by turns on several courses.
package struct Comparison: Sendable {
    /// One measurement.
    package struct Sample: Sendable, Equatable {
        /// Calls a second.
        package var rate: Double
        /// Half of the calls took no longer.
        package var p50: Duration
        /// 99 of a hundred took no longer.
        package var p99: Duration

        /// Makes a sample.
        package init(rate: Double, p50: Duration, p99: Duration) {
            self.rate = rate
            self.p50 = p50
            self.p99 = p99
        }
    }

    /// What was measured on one course.
    package struct Course: Sendable {
        /// What was called how.
        package let name: String
        /// How many calls were in flight.
        package let inFlight: Int
        /// The samples of each contestant, round by round; empty for one that did not take part.
        package let samples: [[Sample]]

        /// Makes a course; `samples` in the order of the comparison's contestants.
        package init(name: String, inFlight: Int, samples: [[Sample]]) {
            self.name = name
            self.inFlight = inFlight
            self.samples = samples
        }
    }

    /// The names of the contestants; the first is the one that the others are compared to.
    package let contestants: [String]
    /// What was measured.
    package var courses: [Course] = []

    /// Makes a comparison without courses.
    package init(contestants: [String]) {
        self.contestants = contestants
    }

    /// How many times the calls of another contestant the first one made on a course: the median over the rounds; nil where one of
    /// them did not take part.
    ///
    /// Of each round, then the median: what slows the machine down for a while slows both.
    package func ratio(_ course: Course, to contestant: Int) -> Double? {
        guard course.samples.indices.contains(contestant) else { return nil }
        return Self.median(zip(course.samples[0], course.samples[contestant]).map { $0.rate / $1.rate })
    }

    /// The median; nil of nothing.
    package static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    private struct Figures {
        let rate: Double
        let p50: Duration
        let p99: Duration

        init?(_ samples: [Sample]) {
            guard let rate = median(samples.map(\.rate)), let p50 = median(samples.map(\.p50.microseconds)),
                let p99 = median(samples.map(\.p99.microseconds))
            else { return nil }
            self.rate = rate
            self.p50 = .nanoseconds(Int64(p50 * 1e3))
            self.p99 = .nanoseconds(Int64(p99 * 1e3))
        }
    }

    // MARK: Shown

    /// The medians and ratios as a table.
    package var table: TextTable {
        var header = ["transport", "in flight"]
        for name in contestants { header += ["\(name), calls/s", "p50", "p99"] }
        for name in contestants.dropFirst() { header.append("x \(name)") }
        var table = TextTable(header)
        for course in courses {
            var row = [course.name, "\(course.inFlight)"]
            for samples in course.samples {
                let figures = Figures(samples)
                row.append(figures.map { Int($0.rate.rounded()).grouped } ?? "-")
                row.append(figures?.p50.shortText ?? "-")
                row.append(figures?.p99.shortText ?? "-")
            }
            for contestant in contestants.indices.dropFirst() {
                row.append(ratio(course, to: contestant)?.threeDigits ?? "-")
            }
            table.append(row)
        }
        return table
    }

    /// Calls a second as bars.
    package var chart: BarChart {
        BarChart(
            title: "Calls a second, caller and server together", contestants: contestants,
            groups: courses.map { course in
                BarChart.Group(
                    label: "\(course.name), \(course.inFlight) in flight",
                    values: course.samples.map { Self.median($0.map(\.rate)) })
            })
    }

    /// Everything that was measured: medians, ratios and the single rounds, times in microseconds.
    package var json: Value {
        let rows = courses.map { course -> Value in
            var members: ValueObject = ["transport": .string(course.name), "in_flight": .int(Int64(course.inFlight))]
            for (place, name) in contestants.enumerated() where course.samples.indices.contains(place) {
                guard let figures = Figures(course.samples[place]) else { continue }
                members[name] = [
                    "calls_per_second": .double(figures.rate), "p50_us": .double(figures.p50.microseconds),
                    "p99_us": .double(figures.p99.microseconds),
                    "ratio": place == 0 ? .null : ratio(course, to: place).map(Value.double) ?? .null,
                    "rounds": .array(course.samples[place].map { .double($0.rate) }),
                ]
            }
            return .object(members)
        }
        return ["rows": .array(rows)]
    }
}
