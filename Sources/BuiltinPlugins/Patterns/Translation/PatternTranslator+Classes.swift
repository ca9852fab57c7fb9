// SPDX-License-Identifier: Apache-2.0

extension PatternTranslator {
    /// Translates a class of which the `[` was read.
    mutating func translateClass() throws(PatternError) {
        let start = scanner.position - 1
        let negated = scanner.take("^")
        let content = scanner.position
        var set = ScalarSet()
        while true {
            let itemStart = scanner.position
            guard let scalar = scanner.take() else { throw unterminated(from: start) }
            if scalar == 0x5D, itemStart > content { break }
            let low = try classItem(scalar)
            guard scanner.take("-") else {
                try insert(low, into: &set, at: itemStart)
                continue
            }
            let highStart = scanner.position
            guard let upper = scanner.take() else { throw unterminated(from: start) }
            if upper == 0x5D {
                try insert(low, into: &set, at: itemStart)
                set.insert(0x2D...0x2D)
                break
            }
            let high = try classItem(upper)
            guard case .scalar(let first) = low, case .scalar(let last) = high, first <= last else {
                throw scanner.error(
                    "bad character range \(scanner.text(itemStart..<scanner.position)); "
                        + "order its ends, or write \\- for a hyphen", at: itemStart)
            }
            try checkScalar(first, at: itemStart)
            try checkScalar(last, at: highStart)
            set.insert(first...last)
        }
        if flags.contains(.ignoreCase) {
            if flags.contains(.ascii) { set.closeOverASCIICase() } else { set.closeOverPythonCase() }
        }
        writer.write(set: set, negated: negated)
    }

    private mutating func classItem(_ scalar: UInt32) throws(PatternError) -> Escape {
        scalar == 0x5C ? try escape(inClass: true) : .scalar(scalar)
    }

    private func insert(_ item: Escape, into set: inout ScalarSet, at offset: Int) throws(PatternError) {
        switch item {
        case .scalar(let scalar):
            try checkScalar(scalar, at: offset)
            set.insert(scalar...scalar)
        case .category(let letter):
            set.insertCategory(letter, ascii: flags.contains(.ascii))
        case .position, .group:
            // escape(inClass:) gives neither.
            throw scanner.error("bad escape in a class; write \\\\ for a backslash", at: offset)
        }
    }

    private func unterminated(from start: Int) -> PatternError {
        scanner.error("unterminated character set; close it with ], or write \\[", at: start)
    }
}
