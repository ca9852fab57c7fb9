// SPDX-License-Identifier: Apache-2.0

/// What a byte of a text begins, if it begins anything.
enum PIITrigger: UInt8 {
    /// A word, which may be a label.
    case word
    case digit, at, plus, parenthesis, colon

    /// For each byte, which scanners it calls when these types are looked for.
    static func table(types: Set<PIIType>) -> [PIITrigger] {
        var table = [PIITrigger](repeating: .word, count: 256)
        func set(_ text: StaticString, _ trigger: PIITrigger) {
            text.withUTF8Buffer { for byte in $0 { table[Int(byte)] = trigger } }
        }
        let numbers: Set<PIIType> = [.ssn, .creditCard, .phone, .ipAddress, .dateOfBirth, .bankAccount]
        if !types.isDisjoint(with: numbers) { set("0123456789", .digit) }
        if types.contains(.email) { set("@", .at) }
        if types.contains(.phone) {
            set("+", .plus)
            set("(", .parenthesis)
        }
        if types.contains(.ipAddress) { set(":", .colon) }
        return table
    }
}
