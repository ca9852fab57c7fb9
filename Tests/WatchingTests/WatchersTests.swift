// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import Watching

@Suite struct WatchersTests {
    /// Something that is watched, as those who use it have it.
    private final class Watched: Sendable {
        private let state = Mutex((value: 0, watchers: Watchers<Int>()))

        func set(_ value: Int) {
            state.withLock { state in
                state.value = value
                state.watchers.tell(value)
            }
        }

        func watch() -> AsyncStream<Int> { state.withLock { $0.watchers.add($0.value) } }

        func finish() { state.withLock { $0.watchers.finish() } }

        var isEmpty: Bool {
            state.withLock { state in
                state.watchers.forgetEnded()
                return state.watchers.isEmpty
            }
        }
    }

    @Test func aWatcherHearsTheValueAndEachThatItIsInTimeFor() async {
        let watched = Watched()
        var values = watched.watch().makeAsyncIterator()
        #expect(await values.next() == 0)
        watched.set(1)
        #expect(await values.next() == 1)
        watched.set(2)
        watched.set(3)
        #expect(await values.next() == 3)
        watched.set(4)
        watched.finish()
        #expect(await values.next() == 4)
        #expect(await values.next() == nil)
    }

    @Test func whoComesAfterTheEndHearsTheLastValue() async {
        let watched = Watched()
        watched.set(5)
        watched.finish()
        var heard: [Int] = []
        for await value in watched.watch() { heard.append(value) }
        #expect(heard == [5] && watched.isEmpty)
    }

    @Test func watchersThatHaveEndedAreForgotten() async {
        let watched = Watched()
        let first = Task { for await _ in watched.watch() {} }
        first.cancel()
        await first.value
        do { _ = watched.watch() }
        #expect(watched.isEmpty)
        watched.finish()
    }

    /// A change wakes a task that is just being cancelled: neither may wait for the other.
    @Test func changesAndCancellationsDoNotWaitForEachOther() async {
        let watched = Watched()
        let changes = Task.detached {
            var value = 0
            while !Task.isCancelled {
                value += 1
                watched.set(value)
                await Task.yield()
            }
        }
        for _ in 0..<20_000 {
            let watcher = Task.detached { for await _ in watched.watch() {} }
            await Task.yield()
            watcher.cancel()
            await watcher.value
        }
        changes.cancel()
        await changes.value
        #expect(watched.isEmpty)
    }
}
