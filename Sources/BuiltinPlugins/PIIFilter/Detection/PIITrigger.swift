// SPDX-License-Identifier: Apache-2.0

/// What a byte of a text can be the begin of.
enum PIITrigger: UInt8 {
    case none, digit, labelLetter, at, plus, parenthesis, colon
    /// A letter with which no label begins: the rest of its word begins nothing, either.
    case letter

    /// For each byte, which scanners it calls when these types are looked for.
    static func table(types: Set<PIIType>, labels: PIILabels) -> [PIITrigger] {
        var table = [PIITrigger](repeating: .none, count: 256)
        func set(_ text: StaticString, _ trigger: PIITrigger) {
            text.withUTF8Buffer { for byte in $0 { table[Int(byte)] = trigger } }
        }
        for letter in UInt8(ascii: "a")...UInt8(ascii: "z") {
            table[Int(letter)] = .letter
            table[Int(letter & ~0x20)] = .letter
        }
        let numbers: Set<PIIType> = [.ssn, .creditCard, .phone, .ipAddress, .dateOfBirth, .bankAccount]
        if !types.isDisjoint(with: numbers) { set("0123456789", .digit) }
        for letter in labels.firstLetters {
            table[Int(letter)] = .labelLetter
            table[Int(letter & ~0x20)] = .labelLetter
        }
        if types.contains(.awsKey) { set("A", .labelLetter) }
        if types.contains(.email) { set("@", .at) }
        if types.contains(.phone) {
            set("+", .plus)
            set("(", .parenthesis)
        }
        if types.contains(.ipAddress) { set(":", .colon) }
        return table
    }
}
