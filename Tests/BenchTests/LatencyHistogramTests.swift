// SPDX-License-Identifier: Apache-2.0

import Testing
import Values

@testable import Bench

@Suite struct LatencyHistogramTests {
    @Test func percentilesAreWithinThreeDigitsOfTheExactOnes() {
        var histogram = LatencyHistogram()
        for microseconds in 1...10_000 { histogram.record(.microseconds(microseconds)) }
        #expect(histogram.count == 10_000)
        for (percent, exact) in [(50.0, 5_000.0), (90, 9_000), (99, 9_900), (99.9, 9_990), (100, 10_000)] {
            let found = histogram.percentile(percent).microseconds
            #expect(abs(found - exact) / exact < 0.001, "p\(percent) is \(found) us")
        }
        #expect(abs(histogram.summary.mean.microseconds - 5_000.5) < 5)
    }

    @Test func addingGivesWhatOneHistogramWouldHave() {
        var (one, other, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in 1...1_000 {
            let latency = Duration.microseconds(value * value)
            if value.isMultiple(of: 3) { one.record(latency) } else { other.record(latency) }
            both.record(latency)
        }
        one.add(other)
        #expect(one.count == both.count)
        #expect(one.summary == both.summary)
    }

    @Test func noCallsHaveNoTimes() {
        #expect(LatencyHistogram().summary == LatencySummary())
        #expect(LatencyHistogram().percentile(99) == .zero)
    }

    @Test func whatIsOutOfRangeIsKeptAtItsEnds() {
        var histogram = LatencyHistogram()
        histogram.record(.seconds(-1))
        histogram.record(.seconds(1_000_000))
        #expect(histogram.count == 2)
        #expect(histogram.percentile(1) == .zero)
        #expect(histogram.percentile(100) >= LatencyHistogram.longest)
        #expect(histogram.percentile(100) < LatencyHistogram.longest * 1.001)
    }

    @Test(arguments: [
        (Duration.nanoseconds(850), "0.85 us"), (.microseconds(85.2), "85.2 us"), (.microseconds(999), "999 us"),
        (.microseconds(1_270), "1.27 ms"), (.milliseconds(310), "310 ms"), (.seconds(3.1), "3.10 s"),
        (.zero, "0.00 us"),
    ])
    func durationsAreShownInTheUnitThatSuitsThem(duration: Duration, text: String) {
        #expect(duration.shortText == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (41_348, "41,348"), (-1_234_567, "-1,234,567")])
    func numbersAreGroupedByThousands(number: Int, text: String) {
        #expect(number.grouped == text)
    }

    @Test(arguments: [
        (1.005, 1, "1.0"), (0.05, 1, "0.1"), (12.349, 2, "12.35"), (-0.4, 0, "0"), (-2.5, 1, "-2.5"), (7, 3, "7.000"),
    ])
    func numbersAreRoundedToTheDigitsAskedFor(number: Double, digits: Int, text: String) {
        #expect(number.rounded(digits: digits) == text)
    }
}
