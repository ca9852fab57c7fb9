// SPDX-License-Identifier: Apache-2.0

package import Values

/// How long calls took, in a few figures.
package struct LatencySummary: Sendable, Equatable {
    /// The mean.
    package var mean: Duration = .zero
    /// Half of the calls took no longer.
    package var p50: Duration = .zero
    /// Nine of ten took no longer.
    package var p90: Duration = .zero
    /// 99 of a hundred took no longer.
    package var p99: Duration = .zero
    /// 999 of a thousand took no longer.
    package var p999: Duration = .zero
    /// No call took longer.
    package var maximum: Duration = .zero

    private var figures: [(name: String, value: Duration)] {
        [("mean", mean), ("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", maximum)]
    }

    /// The figures in microseconds, by their names: `mean`, `p50`, `p90`, `p99`, `p99.9`, `max`.
    package var json: Value {
        .object(ValueObject(figures.map { ($0.name, .double($0.value.microseconds)) }))
    }

    /// The figures on one line.
    package var text: String {
        figures.map { "\($0.name) \($0.value.shortText)" }.joined(separator: "  ")
    }
}

extension Duration {
    /// The duration in microseconds.
    package var microseconds: Double {
        Double(components.seconds) * 1e6 + Double(components.attoseconds) / 1e12
    }

    /// The duration in seconds.
    package var fractionalSeconds: Double { microseconds / 1e6 }

    /// The duration to three digits, in the unit that suits it: "85.2 us", "1.27 ms", "3.10 s".
    package var shortText: String {
        switch microseconds {
        case ..<1e3: "\(microseconds.threeDigits) us"
        case ..<1e6: "\((microseconds / 1e3).threeDigits) ms"
        default: "\((microseconds / 1e6).threeDigits) s"
        }
    }
}

extension Double {
    /// The number rounded to that many digits after the point, all of them written.
    package func rounded(digits: Int) -> String {
        guard isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (magnitude * scale).rounded()
        guard scaled < 1e15 else { return "\(self)" }
        let whole = Int64(scaled / scale)
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = "\(Int64(scaled) - whole * Int64(scale))"
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }

    /// The number to about three digits: "85.2", "1.27", "310".
    package var threeDigits: String {
        switch magnitude {
        case ..<10: rounded(digits: 2)
        case ..<100: rounded(digits: 1)
        default: rounded(digits: 0)
        }
    }
}

extension Int {
    /// The number with a comma between thousands.
    package var grouped: String {
        let digits = Array("\(magnitude)")
        var text = self < 0 ? "-" : ""
        for (position, digit) in digits.enumerated() {
            if position > 0, (digits.count - position).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }
}
