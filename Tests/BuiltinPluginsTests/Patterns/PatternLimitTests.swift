// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing

@testable import BuiltinPlugins

/// Hostile patterns and texts: each must end in an error or a result.
///
/// A hang shows as the test's time limit.
@Suite(.timeLimit(.minutes(3)))
struct PatternLimitTests {
    private static let megabyte = 1 << 20

    private func search(_ pattern: String, _ text: String, budget: Duration = .seconds(1)) throws -> Bool {
        var budget = MatchBudget(budget)
        return try Pattern(pattern).matches(in: text, budget: &budget)
    }

    @Test(arguments: [
        "(a+)+$", "(a|a)*$", "(a|aa)+$", "(a*)*b", "([a-zA-Z]+)*$", "(.*)*x", "((a+)+)+$", "(?:a+)+(?:a+)+$",
        "(a?){30}a{30}b", "(?=(a+))+\\1*b",
    ])
    func exponentialPatternEndsInAnErrorOrAResult(pattern: String) {
        do {
            #expect(try !search(pattern, String(repeating: "a", count: 50) + "!"))
        } catch {
            #expect((error as? PatternError)?.code == .tooExpensive, "\(error)")
        }
    }

    @Test func exponentialPatternIsAnErrorThatSaysWhatToDo() {
        #expect {
            try search("(a+)+$", String(repeating: "a", count: 50) + "!")
        } throws: { error in
            guard let error = error as? PatternError else { return false }
            return error.code == .tooExpensive && "\(error)".contains("(a+)+$") && "\(error)".contains("avoid")
        }
    }

    @Test(arguments: [
        (#"(?=[0-9]+)\d[xy]"#, "1"), ("(?:[0-9]|\\d\\d)+x", "1"), (".*.*=.*;", "a"), ("\\s+$", " "),
        ("(\\w+\\s*)+:", "a"),
        ("(?:a|b)*c", "a"), ("(a|b|ab)*c", "ab"), ("(?<=a)*b+c", "b"),
    ])
    func megabyteTextEndsInAnErrorOrAResult(pattern: String, unit: String) {
        let text = String(repeating: unit, count: Self.megabyte / unit.utf8.count) + "!"
        do {
            #expect(try !search(pattern, text))
        } catch {
            #expect((error as? PatternError)?.code == .tooExpensive, "\(error)")
        }
    }

    @Test func quadraticSearchIsStoppedByItsBudgetNotByTheStepLimit() {
        let text = String(repeating: "1", count: Self.megabyte)
        #expect {
            try search(#"(?=[0-9]+)\d[xy]"#, text, budget: .milliseconds(200))
        } throws: { error in
            (error as? PatternError)?.message.contains("CPU time") == true
        }
    }

    @Test func harmlessPatternTakesAMegabyte() throws {
        let text = String(repeating: "lorem ipsum dolor é sit amet, ", count: 35_000) + "needle"
        #expect(try search("needle$", text))
        #expect(try search(#"(?i)\bNEEDLE\b"#, text))
        #expect(try !search(#"\d{3}-\d{2}-\d{4}"#, text))
        var budget = MatchBudget()
        let pattern = try Pattern(#"\w+"#)
        let replacement = try Replacement(#"<\g<0>>"#, for: pattern)
        let result = try #require(try pattern.replacingMatches(in: text, with: replacement, budget: &budget))
        #expect(result.hasPrefix("<lorem> <ipsum>"))
        #expect(result.hasSuffix("<needle>"))
        #expect(result.utf8.count == text.utf8.count + 2 * (6 * 35_000 + 1))
    }

    @Test func groupRepeatedOverAMegabyteFitsTheLargeStack() throws {
        let text = String(repeating: "ab", count: Self.megabyte / 2) + "c"
        #expect(try search("^(?:a|b)*c$", text, budget: .seconds(20)))
    }

    @Test func matchAcrossWindowBordersIsFound() throws {
        // A megabyte makes windows of 64 start positions; é puts their borders inside characters.
        let text = String(repeating: "é", count: Self.megabyte / 2) + "x"
        var budget = MatchBudget()
        let pattern = try Pattern("(?<=éé)x")
        let matches = try pattern.allMatches(in: text, budget: &budget)
        #expect(matches.map(\.range) == [(Self.megabyte)..<(Self.megabyte + 1)])
    }

    @Test func replacementThatBlowsUpIsAnError() throws {
        let pattern = try Pattern("(.*)")
        let replacement = try Replacement(String(repeating: #"\1"#, count: 100), for: pattern)
        var budget = MatchBudget()
        #expect {
            _ = try pattern.replacingMatches(
                in: String(repeating: "a", count: Self.megabyte), with: replacement, budget: &budget)
        } throws: { error in (error as? PatternError)?.code == .tooLarge }
    }

    @Test(arguments: [
        String(repeating: "(", count: 5_000) + String(repeating: ")", count: 5_000),
        String(repeating: "(?:", count: 101) + "a" + String(repeating: ")", count: 101),
        String(repeating: "(?=", count: 50_000), String(repeating: "a", count: 70_000),
        "((((a{1000}){1000}){1000}){1000})", "(?:a{65535}){65535}", "a{99999999999999999999}", "a{65536}",
        String(repeating: "(a)(?(1)", count: 3_000),
    ])
    func oversizedPatternIsRefused(pattern: String) {
        #expect(throws: PatternError.self) { try Pattern(pattern) }
    }

    @Test func nestingUpToTheLimitCompiles() throws {
        let pattern = String(repeating: "(?:", count: 100) + "a" + String(repeating: ")", count: 100)
        #expect(try search(pattern, "a"))
    }

    @Test func longAlternationIsFine() throws {
        let pattern = (0..<2_000).map { "word\($0)x" }.joined(separator: "|")
        #expect(try search(pattern, String(repeating: "word ", count: 1_000) + "word1999x"))
    }

    @Test func budgetIsSharedBySearches() throws {
        let pattern = try Pattern(#"(?=[0-9]+)\d[xy]"#)
        let text = String(repeating: "1", count: 20_000)
        var budget = MatchBudget(.milliseconds(300))
        #expect(throws: PatternError.self) {
            for _ in 0..<100_000 { _ = try pattern.matches(in: text, budget: &budget) }
        }
    }

    @Test func onePatternServesManyTasks() async throws {
        let pattern = try Pattern(#"(?P<user>\w+)@(\w+)\.com"#)
        let replacement = try Replacement(#"\2 at \g<user>"#, for: pattern)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for round in 0..<200 {
                        var budget = MatchBudget(.seconds(60))
                        let text = "mail u\(task)x\(round)@host.com now"
                        let result = try pattern.replacingMatches(in: text, with: replacement, budget: &budget)
                        guard result == "mail host at u\(task)x\(round) now" else { return false }
                    }
                    return true
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test(arguments: [
        ("a**", "multiple repeat", 2), ("(?P<n>a)(?P<n>b)", "redefinition", 12), ("a(?i)b", "global flags", 1),
        (#"a\p{L}"#, #"bad escape \p"#, 1), ("ab[", "unterminated character set", 2), ("é(", "missing )", 1),
        (#"x\N{DIGIT ONE}"#, "\\N", 1), ("(?<=a+)b", "look-behind", 0),
    ])
    func errorNamesPatternPlaceAndReason(pattern: String, reason: String, offset: Int) {
        #expect {
            try Pattern(pattern)
        } throws: { error in
            guard let error = error as? PatternError else { return false }
            let text = "\(error)"
            return error.offset == offset && text.contains(reason) && text.contains(pattern) && text.contains(";")
        }
    }

    @Test func errorOfAHugePatternIsShort() {
        let pattern = String(repeating: "a", count: 60_000) + "("
        #expect { try Pattern(pattern) } throws: { "\($0)".utf8.count < 500 }
    }

    /// Garbage is refused or searched for, and PCRE2 never objects to what was let through for its syntax.
    @Test(arguments: 0..<4) func garbageIsRefusedOrRuns(seed: Int) throws {
        let pieces = [
            "(", "(", ")", ")", "[", "]", "^", "$", "*", "+", "?", "{", "}", "1", ",", "2", "|", "\\", "\\", "b", "d",
            "W", "x", "a",
            "-", "é", "(?:", "(?=", "(?<=", "(?P<n>", "(?P=n)", "(?i)", "(?x:", "(?(1)", "#", " ", "\n", "\0", ".", "<",
            ":", "P",
        ]
        var random = SeededGenerator(seed: UInt64(seed))
        var compiled = 0
        for _ in 0..<1_000 {
            let count = Int.random(in: 1...10, using: &random)
            let source = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let flags = PatternFlags(rawValue: UInt8.random(in: 0..<32, using: &random))
            switch Result(catching: { () throws(PatternError) in try Pattern(source, flags: flags) }) {
            case .success(let pattern):
                compiled += 1
                var budget = MatchBudget(.seconds(60))
                _ = try pattern.allMatches(in: "ab1é \n-aa\0b", budget: &budget)
            case .failure(let error):
                // Only our own messages have an offset.
                #expect(
                    error.code == .syntax || error.offset != nil, "PCRE2 refused \(source.debugDescription): \(error)")
            }
        }
        #expect(compiled > 50)
    }
}
