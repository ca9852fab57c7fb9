// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The name in snake case: `maxItems` becomes `max_items`, `detectSSN` becomes `detect_ssn`.
    package var snakeCased: String {
        var result = ""
        let characters = Array(self)
        for (position, character) in characters.enumerated() {
            guard character.isUppercase else {
                result.append(character)
                continue
            }
            let followsLower = position > 0 && !characters[position - 1].isUppercase && characters[position - 1] != "_"
            let startsWord =
                position > 0 && characters[position - 1].isUppercase && position + 1 < characters.count
                && characters[position + 1].isLowercase
            if followsLower || startsWord { result.append("_") }
            result += character.lowercased()
        }
        return result
    }

    /// Which of some names this one was probably meant to be; nil when none is near.
    ///
    /// Near is: no more than a third of the letters differ, by edit distance with swapped neighbours counted as one.
    package func closestMatch(among names: some Sequence<String>) -> String? {
        let limit = Swift.max(1, count / 3)
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = editDistance(to: name)
            if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
        }
        return best?.name
    }

    private func editDistance(to other: String) -> Int {
        let left = Array(lowercased().unicodeScalars.prefix(80))
        let right = Array(other.lowercased().unicodeScalars.prefix(80))
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (row, leftScalar) in left.enumerated() {
            var current = [row + 1]
            for (column, rightScalar) in right.enumerated() {
                let substitution = last[column] + (leftScalar == rightScalar ? 0 : 1)
                var best = Swift.min(substitution, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, leftScalar == right[column - 1], left[row - 1] == rightScalar {
                    best = Swift.min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
