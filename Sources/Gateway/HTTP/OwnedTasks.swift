// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Owns the tasks that requests begin outside of their endpoint; a task is forgotten when it has ended.
///
/// Whoever has an owner ends it with ``end()``, which cancels all tasks and waits for them.
final class OwnedTasks: Sendable {
    private struct State {
        var running: [UInt64: Task<Void, Never>] = [:]
        var next: UInt64 = 0
        var isEnded = false
    }

    private let state = Mutex(State())

    /// How many tasks have not ended.
    var count: Int { state.withLock { $0.running.count } }

    /// Starts a task, which never runs on the caller's thread before this has returned.
    ///
    /// - Returns: Whether it was started; false when the owner has ended.
    @discardableResult
    func start(_ work: @escaping @Sendable () async -> Void) -> Bool {
        state.withLock { state in
            guard !state.isEnded else { return false }
            let number = state.next
            state.next += 1
            // It cannot be forgotten before it is noted: forgetting waits for this lock.
            state.running[number] = Task {
                await work()
                self.state.withLock { _ = $0.running.removeValue(forKey: number) }
            }
            return true
        }
    }

    /// Starts no more tasks, cancels those that run, and waits until they have ended.
    func end() async {
        let running = state.withLock { state in
            state.isEnded = true
            return Array(state.running.values)
        }
        for task in running { task.cancel() }
        for task in running { await task.value }
    }
}
