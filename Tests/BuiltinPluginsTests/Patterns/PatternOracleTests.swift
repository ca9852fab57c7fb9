// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import BuiltinPlugins

struct PatternOracleTests {
    /// What we refuse and Python takes, by the reason we give.
    private static let ownLimits: [PatternError.Code] = [.unsupported, .tooLarge]

    @Test(arguments: [false, true])
    func findsAndReplacesWhatPythonDoes(spellsOutWords: Bool) throws {
        let file = ProcessInfo.processInfo.environment["PATTERN_CASES"] ?? "python_re_cases.json"
        let cases = try PythonCase.load(file)
        #expect(cases.count > 900)
        var refusedAlone = 0
        for item in cases {
            let pattern: Pattern
            do {
                pattern = try Pattern(item.pattern, flags: item.patternFlags, spellsOutWords: spellsOutWords)
            } catch {
                if item.error == nil {
                    #expect(Self.ownLimits.contains(error.code), "\(item): refused with \(error)")
                    refusedAlone += 1
                }
                continue
            }
            guard item.error == nil else {
                Issue.record("\(item): Python refuses this pattern at \(item.error ?? -1)")
                continue
            }
            var budget = MatchBudget(.seconds(60))
            let found = try pattern.allMatches(in: item.text, budget: &budget)
            let spans = found.map { match in
                ([match.range] + match.groups).map { $0.map { [$0.lowerBound, $0.upperBound] } }
            }
            #expect(spans == item.spans, "\(item)")
            do {
                let replacement = try Replacement(item.replacement, for: pattern)
                let result = try pattern.replacingMatches(in: item.text, with: replacement, budget: &budget)
                #expect(item.subError == nil, "\(item): Python refuses \(item.replacement.debugDescription)")
                #expect((result ?? item.text) == item.sub, "\(item) -> \(item.replacement.debugDescription)")
                #expect((result == nil) == found.isEmpty, "\(item)")
            } catch {
                #expect(item.sub == nil, "\(item) -> \(item.replacement.debugDescription): \(error)")
            }
        }
        #expect(refusedAlone * 100 <= cases.count)
    }
}
