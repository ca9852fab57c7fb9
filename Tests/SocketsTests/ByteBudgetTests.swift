// SPDX-License-Identifier: Apache-2.0

import Sockets
import Testing

@Suite struct ByteBudgetTests {
    @Test func refusesWhatGoesBeyondTheLimitAndTakesNothingThen() {
        let budget = ByteBudget(limit: 100)
        #expect(budget.reserve(60))
        #expect(!budget.reserve(41))
        #expect(budget.reserved == 60)
        #expect(budget.reserve(40))
        budget.release(100)
        #expect(budget.reserved == 0)
    }

    @Test func aHugeReservationCannotWrapAround() {
        let budget = ByteBudget(limit: 100)
        #expect(budget.reserve(1))
        #expect(!budget.reserve(.max))
        #expect(budget.reserved == 1)
    }

    @Test func neverGrantsMoreThanTheLimitToManyAtOnce() async {
        let budget = ByteBudget(limit: 1_000)
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1_000).reduce(0) { sum, _ in sum + (budget.reserve(1) ? 1 : 0) } }
            }
            return await group.reduce(0, +)
        }
        #expect(granted <= 1_000)
        #expect(budget.reserved == granted)
    }
}
