// SPDX-License-Identifier: Apache-2.0

extension FoldedText {
    /// What a scalar stands for.
    enum Fold: Equatable {
        case itself
        case ascii(UInt8)
        /// A number from 10 to 20 in one character.
        case twoDigits(UInt8)
        case nothing
    }

    /// Unicode 16: `Default_Ignorable_Code_Point` is nothing; compatibility forms (NFKC) of ASCII, decimal digits of all
    /// scripts, and what looks like a dash, a dot, a slash or a space are ASCII.
    static func fold(_ scalar: Unicode.Scalar) -> Fold {
        let value = scalar.value
        guard value >= 0xA0 else { return .itself }
        switch value {
        case 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return .ascii(0x20)
        case 0xAD, 0x34F, 0x61C, 0x115F...0x1160, 0x17B4...0x17B5, 0x180B...0x180F, 0x200B...0x200F, 0x202A...0x202E,
            0x2060...0x206F, 0x3164, 0xFE00...0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0...0xFFF8, 0x1BCA0...0x1BCA3,
            0x1D173...0x1D17A, 0xE0000...0xE0FFF:
            return .nothing
        case 0xB7, 0x2010...0x2015, 0x2022, 0x2027, 0x2043, 0x2212, 0xFE58, 0xFE63: return .ascii(0x2D)
        case 0x2024, 0xFE52, 0x3002, 0xFF61: return .ascii(0x2E)
        case 0x2044, 0x2215, 0x29F8: return .ascii(0x2F)
        case 0xFF01...0xFF5E: return .ascii(UInt8(value - 0xFF01 + 0x21))
        case 0xFE50...0xFE6B: return smallForm(value)
        case 0xB2, 0xB3, 0xB9, 0x2070...0x2089, 0x2460...0x24FF, 0x2776...0x2793, 0x1F100...0x1F10A:
            return number(value)
        case 0x1D400...0x1D6A3: return letter((value - 0x1D400) % 52)
        case 0x1F130...0x1F149: return letter(value - 0x1F130)
        case 0x1F150...0x1F169: return letter(value - 0x1F150)
        case 0x1F170...0x1F189: return letter(value - 0x1F170)
        // No digits among most letters of the world: the properties below are dear to look up.
        case 0xA1...0x65F, 0x3003...0xA61F, 0xAC00...0xD7A3: return .itself
        default:
            guard scalar.properties.generalCategory == .decimalNumber, let number = scalar.properties.numericValue
            else { return .itself }
            return .ascii(0x30 + UInt8(number))
        }
    }

    /// Capitals from 0, small letters from 26.
    private static func letter(_ index: UInt32) -> Fold {
        .ascii(UInt8(index < 26 ? 0x41 + index : 0x61 + index - 26))
    }

    /// Small form variants, U+FE50 to U+FE6B.
    private static func smallForm(_ value: UInt32) -> Fold {
        let forms: StaticString = ",,. ;:?!-(){}{}#&*+-<>= \\$%@"
        let byte = forms.withUTF8Buffer { $0[Int(value - 0xFE50)] }
        return byte == 0x20 ? .itself : .ascii(byte)
    }

    /// Superscripts, subscripts, and digits and letters in circles, brackets or with a full stop.
    private static func number(_ value: UInt32) -> Fold {
        func counted(from first: UInt32) -> Fold {
            let number = UInt8(value - first + 1)
            return number < 10 ? .ascii(0x30 + number) : .twoDigits(number)
        }
        switch value {
        case 0xB2, 0xB3: return .ascii(UInt8(value - 0xB2 + 0x32))
        case 0xB9: return .ascii(0x31)
        case 0x2070, 0x2074...0x2079: return .ascii(UInt8(value - 0x2070 + 0x30))
        case 0x2080...0x2089: return .ascii(UInt8(value - 0x2080 + 0x30))
        case 0x2460...0x2473: return counted(from: 0x2460)
        case 0x2474...0x2487: return counted(from: 0x2474)
        case 0x2488...0x249B: return counted(from: 0x2488)
        case 0x249C...0x24B5: return letter(value - 0x249C + 26)
        case 0x24B6...0x24E9: return letter(value - 0x24B6)
        case 0x24EA, 0x24FF: return .ascii(0x30)
        case 0x24EB...0x24F4: return .twoDigits(UInt8(value - 0x24EB + 11))
        case 0x24F5...0x24FE: return counted(from: 0x24F5)
        case 0x2776...0x277F: return counted(from: 0x2776)
        case 0x2780...0x2789: return counted(from: 0x2780)
        case 0x278A...0x2793: return counted(from: 0x278A)
        case 0x1F100: return .ascii(0x30)
        case 0x1F101...0x1F10A: return .ascii(UInt8(value - 0x1F101 + 0x30))
        default: return .itself
        }
    }
}
