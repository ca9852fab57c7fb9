// SPDX-License-Identifier: Apache-2.0

/// A pattern as in Python's `fnmatch`: `*` any text, `/` included, `?` one character, `[abc]`, `[a-z]` and `[!abc]` one of a set.
///
/// A `[` without its `]` stands for itself. Characters are Unicode scalars. The time is at most the product of both lengths.
package struct Glob: Sendable, Equatable {
    private enum Piece: Sendable, Equatable {
        case scalar(Unicode.Scalar)
        case any
        case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)
        case star

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .scalar(let own): own == scalar
            case .any: true
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
            case .star: false
            }
        }
    }

    private let pieces: [Piece]

    /// Reads a pattern; every text is one.
    package init(_ pattern: String) {
        let scalars = Array(pattern.unicodeScalars)
        var pieces: [Piece] = []
        var position = 0
        while position < scalars.count {
            switch scalars[position] {
            case "*":
                if pieces.last != .star { pieces.append(.star) }
                position += 1
            case "?":
                pieces.append(.any)
                position += 1
            case "[":
                if let (piece, next) = Self.set(in: scalars, at: position) {
                    pieces.append(piece)
                    position = next
                } else {
                    pieces.append(.scalar("["))
                    position += 1
                }
            case let scalar:
                pieces.append(.scalar(scalar))
                position += 1
            }
        }
        self.pieces = pieces
    }

    /// The set that begins with the `[` at `start`, and the position after its `]`.
    private static func set(in scalars: [Unicode.Scalar], at start: Int) -> (Piece, Int)? {
        var first = start + 1
        let isNegated = first < scalars.count && scalars[first] == "!"
        if isNegated { first += 1 }
        // A `]` in first place belongs to the set.
        guard first < scalars.count, let end = scalars[(first + 1)...].firstIndex(of: "]") else { return nil }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var position = first
        while position < end {
            let low = scalars[position]
            if position + 2 < end, scalars[position + 1] == "-" {
                // A range that runs backwards holds nothing, as in Python.
                if low <= scalars[position + 2] { ranges.append(low...scalars[position + 2]) }
                position += 3
            } else {
                ranges.append(low...low)
                position += 1
            }
        }
        return (.set(ranges, isNegated: isNegated), end + 1)
    }

    /// Whether the whole text matches.
    package func matches(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        var position = scalars.startIndex
        var piece = 0
        // Where to go on when what follows the last star does not fit: one character further.
        var retry: (piece: Int, position: String.UnicodeScalarView.Index)?
        while position < scalars.endIndex {
            if piece < pieces.count, pieces[piece] == .star {
                retry = (piece + 1, position)
                piece += 1
            } else if piece < pieces.count, pieces[piece].matches(scalars[position]) {
                piece += 1
                position = scalars.index(after: position)
            } else if let (afterStar, from) = retry {
                let next = scalars.index(after: from)
                retry = (afterStar, next)
                piece = afterStar
                position = next
            } else {
                return false
            }
        }
        return pieces[piece...].allSatisfy { $0 == .star }
    }
}
