// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// The seeds that a fuzzing test begins with: a file of `Corpora/` of its target, one seed on each line, `#` before remarks.
package enum Corpus {
    /// How many rounds each seed of the generator gets: `GATEHOUSE_FUZZ_ROUNDS`, else 2,000.
    package static let rounds =
        ProcessInfo.processInfo.environment["GATEHOUSE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 2_000

    /// What is wrong with a corpus.
    package struct Fault: Error {
        /// Where and what.
        package let message: String
    }

    /// The lines as bytes.
    package static func lines(_ name: String, in bundle: Bundle) throws -> [[UInt8]] {
        guard let file = bundle.url(forResource: name, withExtension: "txt", subdirectory: "Corpora") else {
            throw Fault(message: "there is no Corpora/\(name).txt")
        }
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
        guard !lines.isEmpty else { throw Fault(message: "\(file.path) has no seeds") }
        return lines.map { Array($0.utf8) }
    }

    /// The lines as the bytes that their hexadecimal digits say.
    package static func hexadecimal(_ name: String, in bundle: Bundle) throws -> [[UInt8]] {
        try lines(name, in: bundle).map { digits in
            try stride(from: 0, to: digits.count, by: 2).map { start in
                let pair = String(decoding: digits[start..<min(start + 2, digits.count)], as: UTF8.self)
                guard let byte = UInt8(pair, radix: 16) else {
                    throw Fault(message: "Corpora/\(name).txt: '\(pair)' is no byte")
                }
                return byte
            }
        }
    }
}
