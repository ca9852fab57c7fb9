// SPDX-License-Identifier: Apache-2.0

/// Bars side by side for several contestants, as an SVG document.
package struct BarChart: Sendable {
    /// One group of bars.
    package struct Group: Sendable {
        /// What the group is about.
        package var label: String
        /// A value for each contestant, in the chart's order; nil draws none.
        package var values: [Double?]

        /// Makes a group.
        package init(label: String, values: [Double?]) {
            self.label = label
            self.values = values
        }
    }

    /// What the chart shows, with the unit.
    package var title: String
    /// The names of the contestants.
    package var contestants: [String]
    /// The groups, from top to bottom.
    package var groups: [Group]

    /// Makes a chart.
    package init(title: String, contestants: [String], groups: [Group]) {
        self.title = title
        self.contestants = contestants
        self.groups = groups
    }

    private static let colours = ["#d9480f", "#4263eb", "#2b8a3e", "#862e9c", "#5c5f66"]
    private static let labelWidth = 210
    private static let barWidth = 560
    private static let barHeight = 16
    private static let gap = 12
    private static let top = 58

    /// The chart as SVG: lengths are in proportion to the values.
    package var svg: String {
        let largest = groups.flatMap { $0.values.compactMap { $0 } }.filter(\.isFinite).max() ?? 0
        let groupHeight = contestants.count * Self.barHeight + Self.gap
        let width = Self.labelWidth + Self.barWidth + 110
        let height = Self.top + groups.count * groupHeight + 10
        var lines = [
            #"<svg xmlns="http://www.w3.org/2000/svg" width="\#(width)" height="\#(height)" "#
                + #"viewBox="0 0 \#(width) \#(height)" font-family="sans-serif" font-size="12">"#,
            #"<rect width="100%" height="100%" fill="white"/>"#,
            #"<text x="10" y="22" font-size="15" font-weight="bold">\#(Self.escaped(title))</text>"#,
        ]
        for (place, name) in contestants.enumerated() {
            let left = 10 + place * 170
            lines.append(
                #"<rect x="\#(left)" y="34" width="11" height="11" fill="\#(Self.colour(place))"/>"#
                    + #"<text x="\#(left + 16)" y="44">\#(Self.escaped(name))</text>"#)
        }
        for (row, group) in groups.enumerated() {
            let y = Self.top + row * groupHeight
            let middle = y + contestants.count * Self.barHeight / 2 + 4
            lines.append(
                #"<text x="\#(Self.labelWidth - 8)" y="\#(middle)" text-anchor="end">\#(Self.escaped(group.label))</text>"#
            )
            for (place, value) in group.values.prefix(contestants.count).enumerated() {
                guard let value, value.isFinite, value >= 0 else { continue }
                let length = largest > 0 ? Double(Self.barWidth) * value / largest : 0
                let barTop = y + place * Self.barHeight
                lines.append(
                    #"<rect x="\#(Self.labelWidth)" y="\#(barTop)" width="\#(length.rounded(digits: 1))" "#
                        + #"height="\#(Self.barHeight - 2)" fill="\#(Self.colour(place))"/>"#
                        + #"<text x="\#((Double(Self.labelWidth) + length + 5).rounded(digits: 1))" y="\#(barTop + 11)">"#
                        + #"\#(Self.shown(value))</text>"#)
            }
        }
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func colour(_ place: Int) -> String { colours[place % colours.count] }

    private static func shown(_ value: Double) -> String {
        value < 100 ? value.threeDigits : Int(value.rounded()).grouped
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
