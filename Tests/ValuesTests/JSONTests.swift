// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing
import Values

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> Value { try JSONParser.decode(text.utf8) }

    @Test(
        arguments: [
            ("null", Value.null), ("true", true), ("false", false), ("0", 0), ("-1", -1), ("1.5", 1.5), ("1.0", 1.0),
            ("1e3", 1000.0), ("-0", -0.0), ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
            ("9223372036854775808", .double(9223372036854775808)), ("9007199254740993", .int(9007199254740993)),
            ("\"\"", ""), ("\"\\u00e9\\ud83d\\ude00\\n\\/\"", "é😀\n/"), ("[]", []), (" [1, [2] ] ", [1, [2]]),
            ("{}", [:]), ("{\"a\":{\"b\":[null]}}", ["a": ["b": [nil]]]),
        ] as [(String, Value)])
    func readsWhatRFC8259Allows(text: String, expected: Value) throws {
        #expect(try parse(text) == expected)
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "01", "1.", ".5", "1e", "+1", "--1", "NaN", "Infinity", "'a'", "\"a", "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "[1,]", "[1 2]", "[", "{\"a\":1,}", "{a:1}", "{\"a\"1}",
        "{\"a\":}",
        "{", "1 2", "\"\u{01}\"", "1e999", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "// c\n1",
    ])
    func refusesWhatTwoReadersCouldUnderstandDifferently(text: String) {
        #expect(throws: ValueError.self) { try parse(text) }
    }

    @Test func refusesInvalidUTF8() {
        for bytes: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
        ] {
            #expect(throws: ValueError.self) { try JSONParser.decode(bytes) }
        }
    }

    @Test func acceptsNestingUpToTheLimitAndNoMore() throws {
        let deep = { (depth: Int) in
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try parse(deep(ValueLimits.maximumNesting))
        let error = #expect(throws: ValueError.self) { try parse(deep(ValueLimits.maximumNesting + 1)) }
        #expect(error?.code == .nesting)
        #expect(throws: ValueError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func namesTheDuplicateKeyAndItsPlace() {
        let error = #expect(throws: ValueError.self) { try parse("{\"a\":1, \"a\":2}") }
        #expect(error?.code == .duplicateKey)
        #expect(error?.offset == 8)
    }

    @Test func writesWholeNumbersAsTheStandardLibraryDoes() throws {
        var numbers: [Int64] = [0, 9, 10, -1, -9, -10, .max, .min, .min + 1]
        var random = SeededGenerator(seed: 8)
        for digits in 1...18 {
            let bound = Int64((0..<digits).reduce(1) { power, _ in power * 10 })
            numbers += [bound, bound - 1, -bound, Int64.random(in: -bound...bound, using: &random)]
        }
        for number in numbers {
            #expect(try String(decoding: JSONWriter.encode(.int(number)), as: UTF8.self) == "\(number)")
        }
    }

    /// One to four bytes, of all lengths of scalars and of all faults: what the standard library takes is taken.
    @Test func takesTheUTF8ThatTheStandardLibraryTakes() {
        let bytes: [UInt8] = [
            0x20, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0,
            0xF4,
            0xF5, 0xFF,
        ]
        func check(_ text: [UInt8]) {
            let expected = String(validating: text, as: UTF8.self)
            let read = try? JSONParser.decode([0x22] + text + [0x22])
            #expect(read == expected.map { .string($0) }, "\(text)")
        }
        for first in bytes {
            check([first])
            for second in bytes {
                check([first, second])
                check([0x41, first, second, 0x41])
                for third in bytes {
                    check([first, second, third])
                    if first >= 0xF0 { for fourth in bytes { check([first, second, third, fourth]) } }
                }
            }
        }
    }

    @Test func writesTextThatReadsBackAsTheSameValue() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2_000 {
            let value = Value.random(using: &random)
            let bytes = try JSONWriter.encode(value)
            #expect(try JSONParser.decode(bytes) == value, "\(value)")
        }
    }

    @Test func neverCrashesOnMutatedText() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3_000 {
            var bytes = try JSONWriter.encode(Value.random(using: &random))
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let value = try? JSONParser.decode(bytes) {
                #expect(try JSONParser.decode(JSONWriter.encode(value)) == value)
            }
        }
    }

    @Test func refusesToWriteNumbersThatJSONCannotSay() {
        #expect(throws: ValueError.self) { try JSONWriter.encode(["a": .double(.nan)]) }
        #expect(throws: ValueError.self) { try JSONWriter.encode(.double(-.infinity)) }
        #expect(Value.double(.nan).description == "null")
    }

    @Test func escapesControlCharacters() throws {
        #expect(
            try String(decoding: JSONWriter.encode("\u{1}\"\\\n\u{1F}é"), as: UTF8.self) == #""\u0001\"\\\n\u001fé""#)
    }
}

extension Value {
    static func random(using random: inout SeededGenerator, depth: Int = 0) -> Value {
        switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .int(Int64(truncatingIfNeeded: random.next()) >> Int64.random(in: 0...63, using: &random))
        case 3:
            let double = Double(bitPattern: random.next())
            return .double(double.isFinite ? double : 0.1)
        case 4: return .string(String.random(using: &random))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in .random(using: &random, depth: depth + 1) })
        default:
            var object = ValueObject()
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                object[String.random(using: &random)] = .random(using: &random, depth: depth + 1)
            }
            return .object(object)
        }
    }
}

extension String {
    static func random(using random: inout SeededGenerator) -> String {
        let alphabet: [Unicode.Scalar] = [
            "a", "B", "0", "\"", "\\", "\n", "\u{0}", "é", "\u{301}", "漢", "😀", "\u{2028}", "/",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            text.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
        }
        return text
    }
}
