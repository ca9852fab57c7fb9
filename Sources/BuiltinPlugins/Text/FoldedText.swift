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
        return origins[range.lowerBound]..<origins[range.upperBound]
    }

    enum Fold: Equatable {
        case itself
        case ascii(UInt8)
        case nothing
    }

    static func fold(_ scalar: Unicode.Scalar) -> Fold {
        let value = scalar.value
        guard value >= 0xA0 else { return .itself }
        switch value {
        case 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return .ascii(0x20)
        case 0xAD, 0x180E, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064, 0x2066...0x2069, 0xFE00...0xFE0F, 0xFEFF:
            return .nothing
        case 0x2010...0x2015, 0x2212, 0xFE58, 0xFE63: return .ascii(0x2D)
        case 0x2024, 0xFE52, 0x3002, 0xFF61: return .ascii(0x2E)
        case 0x2044, 0x2215: return .ascii(0x2F)
        case 0xFF01...0xFF5E: return .ascii(UInt8(value - 0xFF01 + 0x21))
        case 0xA1...0x65F: return .itself
        default:
            guard scalar.properties.generalCategory == .decimalNumber, let number = scalar.properties.numericValue
            else { return .itself }
            return .ascii(0x30 + UInt8(number))
        }
    }
}
