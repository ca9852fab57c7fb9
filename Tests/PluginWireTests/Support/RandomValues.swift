// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Values

extension SeededGenerator {
    /// Texts that have gone wrong somewhere before.
    ///
    /// No two of them are canonically equivalent: the oracle keeps maps in Swift
    /// dictionaries, which would take them for one key.
    private static let texts = [
        "", "a", "name", "tool_pre_invoke", "fifteen bytes !", "sixteen bytes !!", "Grüße", "日本語のテキスト", "👩‍👩‍👧‍👦🇩🇪",
        "\u{0}", "line\r\nbreak", "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}", "\u{FEFF}bom",
        "a\u{0327}\u{0301}",
        String(repeating: "x", count: 127), String(repeating: "y", count: 128), String(repeating: "ß", count: 9000),
    ]

    mutating func text() -> String {
        if chance(oneIn: 3) { return Self.texts.randomElement(using: &self) ?? "" }
        return String(Int.random(in: 0..<1000, using: &self), radix: 36)
    }

    mutating func number() -> Value {
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return .int(Int64.random(in: -200...200, using: &self))
        case 1: return .int(Int64.random(in: -(1 << 53)...(1 << 53), using: &self))
        case 2: return .int(Int64.random(in: Int64.min...Int64.max, using: &self))
        case 3: return .double(Double.random(in: -1000...1000, using: &self))
        case 4:
            let number = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &self))
            return .double(number.isFinite ? number : -0.0)
        default:
            return [.int(1 << 53), .int(-(1 << 53)), .double(-0.0), .double(1e300), .double(.leastNonzeroMagnitude)]
                .randomElement(using: &self) ?? .null
        }
    }

    /// Any value that can be sent, nested at most this deep.
    mutating func value(depth: Int = 5) -> Value {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &self) {
        case 0: return .null
        case 1: return .bool(.random(using: &self))
        case 2: return number()
        case 3, 4: return .string(text())
        case 5: return .array((0..<Int.random(in: 0..<5, using: &self)).map { _ in value(depth: depth - 1) })
        default: return .object(object(depth: depth - 1))
        }
    }

    /// Any object that can be sent.
    mutating func object(depth: Int = 5) -> ValueObject {
        var object = ValueObject()
        // Now and then enough members for the object's index.
        for _ in 0..<Int.random(in: 0..<(chance(oneIn: 10) ? 40 : 5), using: &self) {
            object[text()] = value(depth: depth)
        }
        return object
    }
}
