// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Gateway

@Suite struct OwnedTasksTests {
    @Test func aTaskThatHasEndedIsForgotten() async {
        let tasks = OwnedTasks()
        await withCheckedContinuation { continuation in
            #expect(tasks.start { continuation.resume() })
        }
        while tasks.count > 0 { await Task.yield() }
        await tasks.end()
    }

    private final class Ended: Sendable {
        let count = Atomic<Int>(0)
    }

    /// A task that ends only when it is cancelled, and then takes a while.
    @Test func theEndCancelsWhatRunsAndWaitsForIt() async {
        let tasks = OwnedTasks()
        let ended = Ended()
        for _ in 0..<3 {
            tasks.start {
                try? await Task.sleep(for: .seconds(600))
                for _ in 0..<100 { await Task.yield() }
                ended.count.add(1, ordering: .relaxed)
            }
        }
        await tasks.end()
        #expect(ended.count.load(ordering: .relaxed) == 3)
        #expect(tasks.count == 0)
    }

    @Test func nothingBeginsAfterTheEnd() async {
        let tasks = OwnedTasks()
        await tasks.end()
        #expect(!tasks.start { Issue.record("it has begun") })
        #expect(tasks.count == 0)
    }
}
