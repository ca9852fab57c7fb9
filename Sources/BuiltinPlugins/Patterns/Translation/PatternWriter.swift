// SPDX-License-Identifier: Apache-2.0

/// Writes PCRE2 syntax: the few forms the translation needs, each unambiguous whatever stands next to it.
struct PatternWriter {
    /// Whether `\w` and `\b` are spelled out.
    ///
    /// Up to 10.42 `\w` is letters, numbers and the underscore, as in Python; 10.43 added marks and connector
    /// punctuation to it.
    let spellsOutWords: Bool
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func write(number: Int) { bytes.append(contentsOf: String(number).utf8) }

    mutating func insert(_ text: StaticString, at index: Int) {
        text.withUTF8Buffer { bytes.insert(contentsOf: $0, at: index) }
    }

    /// Writes one character, so that it stands for itself in and out of a class.
    mutating func write(scalar: UInt32) {
        switch scalar {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x20:
            bytes.append(UInt8(scalar))
        case 0x21...0x7E:
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(UInt8(scalar))
        default:
            write("\\x{")
            bytes.append(contentsOf: String(scalar, radix: 16).utf8)
            write("}")
        }
    }

    /// Writes a class that matches one character in `set`, or one not in it.
    mutating func write(set: ScalarSet, negated: Bool) {
        // A complement cannot stand inside a class once \w is spelled out, so it becomes a branch of its own.
        if spellsOutWords, set.properties.contains(.notWord) {
            write(negated ? "(?:(?!" : "(?:")
            if set.ranges.count + set.properties.count(where: { $0 != .notWord }) > 0 {
                writeClass(set, negated: false)
                write("|")
            }
            write("[^\\p{L}\\p{N}_]")
            write(negated ? ")(?s:.))" : ")")
        } else {
            writeClass(set, negated: negated)
        }
    }

    private mutating func writeClass(_ set: ScalarSet, negated: Bool) {
        write(negated ? "[^" : "[")
        for range in set.ranges {
            write(scalar: range.lowerBound)
            if range.count > 1 {
                if range.count > 2 { write("-") }
                write(scalar: range.upperBound)
            }
        }
        for property in set.properties {
            switch property {
            case .digit: write("\\p{Nd}")
            case .notDigit: write("\\P{Nd}")
            case .word: write("\\p{L}\\p{N}_")
            case .notWord: if !spellsOutWords { write("\\W") }
            }
        }
        write("]")
    }

    /// Writes `\b` or `\B`.
    mutating func writeWordBoundary(negated: Bool, ascii: Bool) {
        if !ascii, !spellsOutWords {
            // In Python up to 3.13 \B does not match an empty text.
            write(negated ? "(?:(?!\\A\\z)\\B)" : "\\b")
            return
        }
        let word: StaticString = ascii ? "[A-Za-z0-9_]" : "[\\p{L}\\p{N}_]"
        // The class is written out of any caseless scope: U+017F and U+212A are no ASCII letters.
        write(negated ? "(?-i:(?!\\A\\z)(?:(?<=" : "(?-i:(?:(?<=")
        write(word)
        write(negated ? ")(?=" : ")(?!")
        write(word)
        write(")|(?<!")
        write(word)
        write(negated ? ")(?!" : ")(?=")
        write(word)
        write(")))")
    }
}
