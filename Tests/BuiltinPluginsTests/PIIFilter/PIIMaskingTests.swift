// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing

@testable import BuiltinPlugins

struct PIIMaskingTests {
    private func masked(
        _ text: String, _ strategy: MaskStrategy, types: Set<PIIType> = Set(PIIType.allCases),
        custom: [PIIDetector.CustomPattern] = []
    ) throws -> String {
        var budget = MatchBudget()
        var masker = PIIMasker(redactionText: "[REDACTED]")
        let detector = PIIDetector(types: types, strategy: strategy, customPatterns: custom)
        return masker.mask(text, try detector.findings(in: text, budget: &budget))
    }

    private func custom(_ pattern: String, _ strategy: MaskStrategy) throws -> PIIDetector.CustomPattern {
        .init(pattern: try Pattern(pattern, flags: .ignoreCase), type: .custom, strategy: strategy)
    }

    @Test(arguments: [
        ("id 123-45-6789.", "id ***-**-6789."), ("BSN 123456782", "BSN *****6782"),
        ("4111 1111 1111 1111", "****-****-****-1111"), ("378282246310005", "****-****-****-0005"),
        ("john.doe@example.com", "j***e@example.com"), ("ab@example.com", "***@example.com"),
        ("555-123-4567", "***-***-4567"), ("+44 20 7946 0958", "***-***-0958"), ("10.1.2.3", "1******3"),
        ("DOB: 01/15/1990", "DOB: 0********0"), ("account 12345678901", "account ****8901"),
        ("DE89370400440532013000", "****3000"), ("AKIAIOSFODNN7EXAMPLE", "A******************E"),
        ("Passport No: AB123456", "Passport No: A******6"),
    ])
    func partialKeepsWhatItsTypeAllows(text: String, expected: String) throws {
        #expect(try masked(text, .partial) == expected)
    }

    @Test func otherStrategiesHideEverything() throws {
        let text = "a 123-45-6789 b"
        #expect(try masked(text, .redact) == "a [REDACTED] b")
        #expect(try masked(text, .remove) == "a  b")
        let hash = try masked(text, .hash)
        #expect(hash.contains(try Pattern(#"^a \[HASH:[0-9a-f]{16}\] b$"#)))
        #expect(try masked(text, .tokenize).contains(try Pattern(#"^a \[TOKEN:[0-9a-f]{8}\] b$"#)))
    }

    @Test func equalValuesGetEqualHashesAndOthersOthers() throws {
        #expect(try masked("123-45-6789", .hash) == masked("123-45-6789", .hash))
        #expect(try masked("123-45-6789", .hash) != masked("123-45-6788", .hash))
    }

    @Test func tokensAreEqualWithinACallAndDifferBetweenCalls() throws {
        let text = "123-45-6789 123-45-6789 123-45-6788"
        let first = try masked(text, .tokenize).split(separator: " ")
        #expect(first.count == 3 && first[0] == first[1] && first[1] != first[2])
        #expect(try masked(text, .tokenize) != masked(text, .tokenize))
    }

    @Test func hashIsKeyedWithHMAC() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        let bytes = SHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == expected)
        #expect(PIIHash(key: [1]).hash("x") != PIIHash(key: [2]).hash("x"))
    }

    @Test(arguments: [0, 3, 55, 56, 63, 64, 119, 1000])
    func hashFollowsFIPS180(length: Int) {
        let expected = [
            0: "e3b0c44298fc", 3: "ae4b3280e56e", 55: "463eb28e72f8", 56: "da2ae4d6b367", 63: "29af2686fd53",
            64: "fdeab9acf371", 119: "da18797ed7c3", 1000: "4e4c294b331f",
        ]
        let hash = SHA256.hash((0..<length).map { UInt8($0 % 251) })
        let text = hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(text.hasPrefix(expected[length] ?? "?"), "\(length): \(text)")
    }

    @Test func overlappingFindingsBecomeOne() throws {
        // The email holds the number, the custom pattern lies across both ends of it.
        #expect(try masked("x 123-45-6789@example.com y", .redact) == "x [REDACTED] y")
        #expect(
            try masked("x 123-45-6789@example.com y", .partial) == "x [REDACTED] y",
            "what the email's mask keeps may be of the number")
        let crossing = try custom("78[0-9]@exa", .redact)
        #expect(try masked("123-45-6789@example.com", .partial, custom: [crossing]) == "[REDACTED]")
        let tail = try custom("6789 and", .partial)
        #expect(try masked("123-45-6789 and more", .partial, types: [.ssn], custom: [tail]) == "[REDACTED] more")
    }

    @Test func ownPatternWinsOverABuiltInOneOnTheSameValue() throws {
        let own = try custom(#"\d{3}-\d{2}-\d{4}"#, .remove)
        #expect(try masked("a 123-45-6789 b", .redact, custom: [own]) == "a  b")
    }

    @Test func adjacentFindingsStayApart() throws {
        let own = try custom("[ab]", .redact)
        #expect(try masked("xaby", .redact, types: [], custom: [own]) == "x[REDACTED][REDACTED]y")
    }

    @Test func textAroundKeepsItsBytes() throws {
        #expect(try masked("é\u{301}\r\n\u{FF11}23-45-6789\u{200B} ü\0", .redact) == "é\u{301}\r\n[REDACTED] ü\0")
    }

    /// Of random values in random surroundings no digit is left but those that `partial` keeps.
    @Test(arguments: MaskStrategy.allCases)
    func noDigitIsLeftBeyondWhatTheStrategyKeeps(strategy: MaskStrategy) throws {
        var random = SeededGenerator(seed: 42)
        let detector = PIIDetector(types: Set(PIIType.allCases), strategy: strategy)
        let masks = try Pattern(#"\[(?:HASH|TOKEN):[0-9a-f]+\]"#)
        let nothing = try Replacement("", for: masks)
        for _ in 0..<1_000 {
            func digits(_ count: Int) -> String {
                (0..<count).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
            }
            let area = String(Int.random(in: 200...665, using: &random))
            let card = Self.card(prefix: "4\(digits(14))")
            let separator = ["-", " "].randomElement(using: &random) ?? "-"
            let values = [
                "\(area)\(separator)\(Int.random(in: 10...99, using: &random))\(separator)\(Int.random(in: 1000...9999, using: &random))",
                card, Self.grouped(card, separator), "+49\(separator)30\(separator)\(digits(7))",
                "(\(area)) \(area)-\(digits(4))", "\(area)-\(area)-\(digits(4))",
                "ssn: \(digits(9))", "account no \(digits(8))", "MRN AB\(digits(6))", "Passport: \(digits(9))",
                "dob \(Int.random(in: 1...12, using: &random))/\(Int.random(in: 1...28, using: &random))/19\(digits(2))",
                "10.\(Int.random(in: 0...255, using: &random)).0.\(Int.random(in: 1...255, using: &random))",
            ]
            let first = values.randomElement(using: &random) ?? ""
            let second = values.randomElement(using: &random) ?? ""
            let before = ["", "a ", "é, ", "\n"].randomElement(using: &random) ?? ""
            let between = [" ", ", ", "; x "].randomElement(using: &random) ?? ""
            let text = before + first + between + second
            var budget = MatchBudget(.seconds(60))
            var masker = PIIMasker(redactionText: "[REDACTED]")
            let result = masker.mask(text, try detector.findings(in: text, budget: &budget))
            let left = Self.digitRuns(
                try masks.replacingMatches(in: result, with: nothing, budget: &budget) ?? result)
            if strategy == .partial {
                #expect(left.allSatisfy { $0.count <= 4 } && left.joined().count <= 8, "\(text) -> \(result)")
            } else {
                #expect(left.isEmpty, "\(text) -> \(result)")
            }
        }
    }

    private static func card(prefix: String) -> String {
        for check in 0...9 {
            let digits = (prefix + String(check)).reversed().compactMap(\.wholeNumberValue)
            let sum = digits.enumerated().reduce(0) { sum, item in
                let value = item.offset.isMultiple(of: 2) ? item.element : item.element * 2
                return sum + (value > 9 ? value - 9 : value)
            }
            if sum.isMultiple(of: 10) { return prefix + String(check) }
        }
        return prefix
    }

    private static func grouped(_ card: String, _ separator: String) -> String {
        let digits = Array(card)
        return stride(from: 0, to: digits.count, by: 4).map { String(digits[$0..<min($0 + 4, digits.count)]) }
            .joined(separator: separator)
    }

    private static func digitRuns(_ text: String) -> [String] {
        text.split { !("0"..."9").contains($0) }.map(String.init)
    }
}

extension String {
    fileprivate func contains(_ pattern: Pattern) -> Bool {
        var budget = MatchBudget()
        return (try? pattern.matches(in: self, budget: &budget)) ?? false
    }
}
