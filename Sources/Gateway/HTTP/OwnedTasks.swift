// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Owns the tasks that requests begin outside of their endpoint; a task is forgotten when it has ended.
final class OwnedTasks: Sendable {
    private struct State {
        var running: [UInt64: Task<Void, Never>] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Starts a task.
    func start(_ work: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            let number = state.next
            state.next += 1
            // It cannot be forgotten before it is noted: forgetting waits for this lock.
            state.running[number] = Task {
                await work()
                self.state.withLock { _ = $0.running.removeValue(forKey: number) }
            }
        }
    }
}
