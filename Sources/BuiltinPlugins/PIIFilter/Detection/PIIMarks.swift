// SPDX-License-Identifier: Apache-2.0

/// Where in a text something can begin, told by three looks into tables for each byte and without a branch that depends on the
/// text: words are of any length, and a processor that guesses where each ends is wrong at nearly every one.
///
/// A byte has a set of marks: one for what begins anywhere (a digit, `@`), one for each first letter of a label. The byte
/// before it says which of them count there (no letter within a word), the byte behind it which labels it can be (nearly none).
struct PIIMarks: Sendable {
    private typealias Marks = UInt16

    /// What begins with this byte wherever it stands.
    private static let anywhere: Marks = 1
    /// The `A` of an AWS access key identifier.
    private static let awsKey: Marks = 2
    private static let firstLabelMark = 2

    /// The marks of a byte, those that the byte before it leaves, and those that the byte behind it leaves; 256 of each.
    private let tables: [UInt16]

    init(triggers: [PIITrigger], labels: PIILabels, looksForAWSKeys: Bool) {
        var own = [Marks](repeating: 0, count: 256)
        var before = [Marks](repeating: .max, count: 256)
        var behind = [Marks](repeating: Self.anywhere, count: 256)
        for byte in 0..<256 {
            if triggers[byte] != .word { own[byte] = Self.anywhere }
            // A label may follow an underscore, as in my_api_key, but neither a letter nor a digit.
            let isInside = TextBytes.isLetter(UInt8(byte)) || TextBytes.isDigit(UInt8(byte))
            if isInside { before[byte] = Self.anywhere }
        }
        let firstLetters = labels.firstLetters
        precondition(Self.firstLabelMark + firstLetters.count <= Marks.bitWidth, "labels begin with too many letters")
        for (index, letter) in firstLetters.enumerated() {
            let mark: Marks = 1 << Marks(Self.firstLabelMark + index)
            own[Int(letter)] |= mark
            own[Int(letter & ~0x20)] |= mark
            for second in UInt8.min...UInt8.max where labels.mayBegin(letter, second) { behind[Int(second)] |= mark }
        }
        if looksForAWSKeys {
            own[Int(UInt8(ascii: "A"))] |= Self.awsKey
            for second in KeyScanner.secondLettersOfAWSIdentifiers { behind[Int(second)] |= Self.awsKey }
        }
        tables = own + before + behind
    }

    /// The first position at or behind `start` at which something can begin; the end of the text when there is none.
    func next(from start: Int, in text: TextBytes) -> Int {
        tables.withUnsafeBufferPointer { tables in
            var position = start
            var previous = Int(text[position - 1])
            // Four at a time, as long as the byte behind them is there.
            while position + 4 < text.count {
                let (b0, b1, b2, b3, b4) = (
                    Int(text.bytes[position]), Int(text.bytes[position + 1]), Int(text.bytes[position + 2]),
                    Int(text.bytes[position + 3]), Int(text.bytes[position + 4])
                )
                let m0 = tables[b0] & tables[256 + previous] & tables[512 + b1]
                let m1 = tables[b1] & tables[256 + b0] & tables[512 + b2]
                let m2 = tables[b2] & tables[256 + b1] & tables[512 + b3]
                let m3 = tables[b3] & tables[256 + b2] & tables[512 + b4]
                if m0 | m1 | m2 | m3 != 0 {
                    return position + (m0 != 0 ? 0 : m1 != 0 ? 1 : m2 != 0 ? 2 : 3)
                }
                previous = b3
                position += 4
            }
            while position < text.count {
                let byte = Int(text.bytes[position])
                if tables[byte] & tables[256 + previous] & tables[512 + Int(text[position + 1])] != 0 { break }
                previous = byte
                position += 1
            }
            return position
        }
    }
}
