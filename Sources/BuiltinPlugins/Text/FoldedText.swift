// SPDX-License-Identifier: Apache-2.0

/// A text in which the other spellings of ASCII digits, letters, dashes and spaces are ASCII, and what is invisible is gone.
///
/// Full-width digits or a soft hyphen must not hide a number from a scanner that looks for ASCII. Positions map back to
/// the text as it came.
struct FoldedText {
    private(set) var bytes: [UInt8] = []
    /// Where in the original each byte of `bytes` comes from; one more for the end.
    private var origins: [Int] = []

    /// Folds a text; nil when there is nothing to fold, as in nearly all texts.
    init?(_ text: String) {
        guard text.unicodeScalars.contains(where: { Self.fold($0) != .itself }) else { return nil }
        bytes.reserveCapacity(text.utf8.count)
        origins.reserveCapacity(text.utf8.count + 1)
        var position = 0
        for scalar in text.unicodeScalars {
            switch Self.fold(scalar) {
            case .itself:
                for byte in UTF8.encode(scalar) ?? .init() {
                    bytes.append(byte)
                    origins.append(position)
                }
            case .ascii(let byte):
                bytes.append(byte)
                origins.append(position)
            case .twoDigits(let number):
                bytes.append(contentsOf: [0x30 + number / 10, 0x30 + number % 10])
                origins.append(contentsOf: [position, position])
            case .nothing:
                break
            }
            position += UTF8.width(scalar)
        }
        origins.append(position)
    }

    /// The place in the original of a range of `bytes`; what is invisible at its ends stays out.
    func original(of range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty else { return origins[range.lowerBound]..<origins[range.lowerBound] }
        // The end is where the next character begins, less what was dropped in between: masking that too does no harm.
        var end = range.upperBound
        // Of a character that stands for two digits both go or none.
        while end < bytes.count, origins[end] == origins[end - 1] { end += 1 }
        return origins[range.lowerBound]..<origins[end]
    }
}
