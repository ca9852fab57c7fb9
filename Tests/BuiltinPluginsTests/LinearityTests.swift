// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import BuiltinPlugins

/// What the built-in rules and scanners cost grows with the text, not with its square: they run where a server answers.
@Suite(.serialized)
struct LinearityTests {
    static let units = [
        "; ", "a", "$(", "`", "../", "%25", "http://", "http:////", "@", "drop table ", "delete from a ", "/*", "/*!",
        "' or ", "rm -", "rm -x ", "rm -r ", "-r ", "update a set b=", "\nupdate a set b=1", "\\", "http://a@", "..%2f",
        "\u{FF0E}", "dd ", "x;sh ", "\n", " ", "\t\n", "where ", "a.", "\"", "'", "begin ", "(", "1=", "./", "//", "[",
        "http:", "h", "a:", "localhost", "${IFS}", "<(", "| id ", "find / ", "r\\m", "''", ";''", "truncate a ",
        "http:\\",
        "1", "1 ", "4111 ", "a@", ":", "::", "+", "(5", "ssn ", "account number ", "A", "A1", "\u{FF11}", "api_key: x",
        "1.", "1-", "DE89 ", "\u{200B}", "dob:", "é@", "secret=", "account 1234 ", "x y", "a/", "5-", "=", "&sh",
    ]

    /// Processor time of this thread, the least of some tries.
    private func cost(tries: Int, _ body: () throws -> Void) rethrows -> Double {
        var least = Double.infinity
        for _ in 0..<tries {
            let start = MatchBudget.now()
            try body()
            least = min(least, Double(MatchBudget.now() - start))
        }
        return least
    }

    private func expectLinear(
        _ name: String, _ unit: String, _ text: (String, Int) -> String, _ body: (String) throws -> Void
    ) rethrows {
        let small = text(unit, 8 << 10)
        let large = text(unit, 64 << 10)
        var before = try cost(tries: 1) { try body(small) }
        var after = try cost(tries: 1) { try body(large) }
        if after >= 5_000_000, after >= 12 * before {
            before = try cost(tries: 3) { try body(small) }
            after = try cost(tries: 3) { try body(large) }
        }
        // Under five milliseconds a ratio says more about the clock than about the pattern.
        #expect(after < 5_000_000 || after < 16 * before, "\(name) on \(unit.debugDescription): \(before) \(after) ns")
    }

    private func run(_ unit: String, _ size: Int) -> String {
        String(repeating: unit, count: size / unit.utf8.count) + "x y"
    }

    @Test(.timeLimit(.minutes(5)), arguments: units)
    func rulesTakeTimeInProportionToTheText(unit: String) throws {
        let rules: [any SecurityRule] = [
            try ShellRule(), try SQLRule(), try PathRule(), try AddressRule(allowedHosts: []),
        ]
        for rule in rules {
            for text in [run, { "x" + run($0, $1) }, { "x; update a set b=" + run($0, $1) + " where" }] {
                try expectLinear(type(of: rule).name, unit, text) {
                    var budget = MatchBudget(.seconds(60))
                    _ = try rule.finding(in: SecurityText($0), budget: &budget)
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: units)
    func scannersTakeTimeInProportionToTheText(unit: String) throws {
        let detector = PIIDetector(types: Set(PIIType.allCases), strategy: .redact)
        for text in [run, { "account " + run($0, $1) }, { "api key " + run($0, $1) }] {
            try expectLinear("pii", unit, text) {
                var budget = MatchBudget(.seconds(60))
                _ = try detector.findings(in: $0, key: "ssn", budget: &budget)
            }
        }
    }

    @Test func hostileArgumentsEndWithinTheBudgetOfTheBuiltInRules() throws {
        for text in [
            String(repeating: "../", count: 20_000) + "x y",
            String(repeating: "\nupdate a set b=1", count: 4_000) + " where",
            "rm " + String(repeating: "-r ", count: 20_000) + "x",
        ] {
            let start = MatchBudget.now()
            var budget = MatchBudget(MatchBudget.perBuiltinCall)
            for rule in [try PathRule(), try SQLRule(), try ShellRule()] as [any SecurityRule] {
                _ = try rule.finding(in: SecurityText(text), budget: &budget)
            }
            #expect(MatchBudget.now() - start < 500_000_000)
        }
        #expect(MatchBudget.perBuiltinCall <= .milliseconds(100) && MatchBudget.perCall <= .milliseconds(250))
    }
}
