// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing

@testable import BuiltinPlugins

/// The tables, against the same rules in words.
struct PIIMarksTests {
    /// Pieces that come together to labels, words within words, and what begins anywhere.
    private static let pieces = [
        "account", "acct", "AKIA", "ASIA", "api", "ssn", "dob", "Passport", "mrn", "xdl", "a", "A", "K", "b", "z", "_",
        " ", "-",
        "é", "7", "42", "@", "+", "(", ":", "", "\u{1}", "~", "[",
    ]

    @Test(arguments: SeededGenerator.seeds)
    func aTextIsReadExactlyWhereSomethingCanBegin(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for types in [Set(PIIType.allCases), [.ssn, .email], [.awsKey], [.bankAccount]] as [Set<PIIType>] {
            let labels = PIILabels(types: types)
            let triggers = PIITrigger.table(types: types)
            let looksForKeys = types.contains(.awsKey)
            let marks = PIIMarks(triggers: triggers, labels: labels, looksForAWSKeys: looksForKeys)
            for _ in 0..<50 {
                let text = (0..<Int.random(in: 0...12, using: &random))
                    .map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined()
                Array(text.utf8).withUnsafeBufferPointer { bytes in
                    let text = TextBytes(bytes)
                    let expected = bytes.indices.filter { position in
                        guard triggers[Int(bytes[position])] == .word else { return true }
                        guard !text.isLetter(position - 1), !text.isDigit(position - 1) else { return false }
                        let isKey =
                            looksForKeys && bytes[position] == 0x41 && [0x4B, 0x53].contains(text[position + 1])
                        return isKey || labels.mayBegin(bytes[position], text[position + 1])
                    }
                    var found: [Int] = []
                    var position = marks.next(from: 0, in: text)
                    while position < text.count {
                        found.append(position)
                        position = marks.next(from: position + 1, in: text)
                    }
                    #expect(found == expected, "\(String(decoding: bytes, as: UTF8.self))")
                    #expect(position == text.count)
                }
            }
        }
    }
}
