// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import Glibc

/// Does one step of a call a given number of times, and prints how many heap blocks that took: what `Benchmarks/budgets` runs,
/// natively for allocations and under callgrind for instructions.
///
/// Usage: `CallBudget SCENARIO CALLS`, or `CallBudget --list`.
@main
enum CallBudget {
    /// Done before counting, so that caches and lazily made values are there.
    private static let warmup = 50

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["--list"] {
            for scenario in Scenario.all { print(scenario.name) }
            return
        }
        guard arguments.count == 2, let calls = arguments.last.flatMap({ Int($0) }), calls > 0,
            let scenario = Scenario.all.first(where: { Array($0.name.utf8) == Array((arguments.first ?? "").utf8) })
        else {
            fail("usage: CallBudget SCENARIO CALLS; CallBudget --list prints the scenarios")
        }
        let executor = SerialExecutor()
        do {
            try executor.run { try await measure(scenario, calls) }
        } catch {
            fail("\(scenario.name): \(error)")
        }
    }

    private static func measure(_ scenario: Scenario, _ calls: Int) async throws {
        let step = try await scenario.prepare()
        for _ in 0..<warmup { try await step() }
        let before = allocation_count()
        for _ in 0..<calls { try await step() }
        print(allocation_count() - before)
    }

    private static func fail(_ message: String) -> Never {
        let text = Array("CallBudget: \(message)\n".utf8)
        _ = write(STDERR_FILENO, text, text.count)
        exit(2)
    }
}
