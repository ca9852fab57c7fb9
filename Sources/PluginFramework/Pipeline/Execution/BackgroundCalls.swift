// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The calls of `fire_and_forget` plugins that are running: owned here, bounded in number, awaited at the end.
final class BackgroundCalls: Sendable {
    private struct State {
        var running: [UInt64: Task<Void, Never>] = [:]
        var nextNumber: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    /// How many are running.
    var count: Int { state.withLock { $0.running.count } }

    /// Starts work, unless there is enough of it or no more is taken.
    func start(limit: Int, _ work: @escaping @Sendable () async -> Void) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.running.count < limit else { return false }
            let number = state.nextNumber
            state.nextNumber += 1
            // It cannot be forgotten before it is noted: forgetting waits for this lock.
            state.running[number] = Task {
                await work()
                self.forget(number)
            }
            return true
        }
    }

    private func forget(_ number: UInt64) {
        state.withLock { state in _ = state.running.removeValue(forKey: number) }
    }

    /// Takes no more work, and returns when all that runs is done; cancelling the caller cancels it.
    func close() async {
        let tasks = state.withLock { state in
            state.isClosed = true
            return Array(state.running.values)
        }
        await withTaskCancellationHandler {
            for task in tasks { await task.value }
        } onCancel: {
            for task in tasks { task.cancel() }
        }
    }
}
