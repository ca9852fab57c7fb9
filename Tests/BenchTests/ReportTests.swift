// SPDX-License-Identifier: Apache-2.0

import Testing
import Values

@testable import Bench

@Suite struct ReportTests {
    private func sample(_ rate: Double) -> Comparison.Sample {
        Comparison.Sample(rate: rate, p50: .microseconds(1e6 / rate), p99: .microseconds(3e6 / rate))
    }

    private var comparison: Comparison {
        var comparison = Comparison(contestants: ["ours", "theirs"])
        comparison.courses = [
            .init(
                name: "gRPC", inFlight: 32,
                samples: [
                    [sample(10_000), sample(20_000), sample(40_000)], [sample(1_000), sample(4_000), sample(2_000)],
                ]),
            .init(name: "stdio", inFlight: 1, samples: [[sample(500)], []]),
        ]
        return comparison
    }

    @Test func ratiosAreMediansOverRoundsNotRatiosOfMedians() {
        let comparison = comparison
        // 10, 5 and 20; the ratio of the medians would be the same here only by chance: 20,000 to 2,000.
        #expect(comparison.ratio(comparison.courses[0], to: 1) == 10)
        #expect(comparison.ratio(comparison.courses[1], to: 1) == nil)
        #expect(Comparison.median([3, 1, 2]) == 2)
        #expect(Comparison.median([4, 1, 2, 3]) == 2.5)
        #expect(Comparison.median([]) == nil)
    }

    @Test func aComparisonIsATable() {
        let lines = comparison.table.lines
        #expect(lines.count == 4)
        #expect(Set(lines.map(\.count)).count == 1)
        #expect(lines[0].hasPrefix("| transport | in flight | ours, calls/s |"))
        #expect(lines[2].contains(" 20,000 |"))
        #expect(lines[2].hasSuffix(" 10.0 |"))
        #expect(lines[3].hasSuffix(" - |"))
    }

    @Test func aComparisonIsJSON() throws {
        let rows = try #require(try JSONParser.decode(comparison.json.description.utf8)["rows"]?.arrayValue)
        #expect(rows.count == 2)
        #expect(rows[0]["ours"]?["calls_per_second"]?.doubleValue == 20_000)
        #expect(rows[0]["theirs"]?["ratio"]?.doubleValue == 10)
        #expect(rows[0]["theirs"]?["rounds"]?.arrayValue?.count == 3)
        #expect(rows[1]["theirs"] == nil)
    }

    @Test func barsAreInProportion() {
        let svg = BarChart(
            title: "a < b", contestants: ["x & y"],
            groups: [
                .init(label: "one", values: [50]), .init(label: "two", values: [100]),
                .init(label: "none", values: [nil]),
            ]
        ).svg
        #expect(svg.contains("a &lt; b"))
        #expect(svg.contains("x &amp; y"))
        #expect(svg.contains(#"width="280.0""#))
        #expect(svg.contains(#"width="560.0""#))
        // Background, legend, and two bars.
        #expect(svg.split(separator: "<rect").count - 1 == 4)
        #expect(svg.hasSuffix("</svg>\n"))
    }

    @Test func aChartOfNothingIsStillAChart() {
        let svg = BarChart(title: "", contestants: ["x"], groups: [.init(label: "one", values: [0])]).svg
        #expect(svg.contains(#"width="0.0""#))
        #expect(!svg.contains("nan"))
    }
}
