// SPDX-License-Identifier: Apache-2.0

/// Rows of text whose columns line up; also a table in Markdown.
package struct TextTable: Sendable {
    private let header: [String]
    private var rows: [[String]] = []

    /// Makes a table without rows.
    package init(_ header: [String]) {
        self.header = header
    }

    /// Appends a row; cells that are missing are empty.
    package mutating func append(_ row: [String]) {
        rows.append(Array(row.prefix(header.count)) + Array(repeating: "", count: max(0, header.count - row.count)))
    }

    /// The table, first column to the left, the others to the right.
    package var lines: [String] {
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        let cells = ([header] + rows).map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }
        }
        return cells.map { row in
            var line = "| " + row.joined(separator: " | ") + " |"
            while line.last == " " { line.removeLast() }
            return line
        }.inserting("|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|", at: 1)
    }
}

extension Array {
    fileprivate func inserting(_ element: Element, at position: Int) -> [Element] {
        var copy = self
        copy.insert(element, at: position)
        return copy
    }
}
