// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Sockets
internal import Synchronization

/// Owns tasks that outlive the function that starts them: the one place where tasks without a parent begin.
///
/// Whoever has an owner ends it with ``end()``, which cancels all tasks and waits for them.
final class TaskOwner: Sendable {
    private struct State {
        var running: [UInt64: TaskSlot] = [:]
        var next: UInt64 = 0
        var isEnded = false
        var waiting: [Outcome<Void>] = []
    }

    private let state = Mutex(State())

    /// How many tasks have not ended.
    var count: Int { state.withLock { $0.running.count } }

    /// Starts a task on an event loop; called there, it runs up to its first suspension before this returns.
    ///
    /// - Parameter slot: takes the task, for whoever may cancel it.
    /// - Returns: whether it was started; false when the owner has ended.
    @discardableResult
    func start(
        on executor: EventLoopTaskExecutor, _ slot: TaskSlot = TaskSlot(),
        _ operation: @escaping @Sendable () async -> Void
    ) -> Bool {
        let number = state.withLock { state -> UInt64? in
            guard !state.isEnded else { return nil }
            defer { state.next += 1 }
            state.running[state.next] = slot
            return state.next
        }
        guard let number else { return false }
        let task = executor.start {
            await operation()
            self.ended(number, slot)
        }
        slot.fill(task)
        return true
    }

    private func ended(_ number: UInt64, _ slot: TaskSlot) {
        slot.end()
        let waiting = state.withLock { state -> [Outcome<Void>] in
            state.running[number] = nil
            guard state.running.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for outcome in waiting { outcome.give(()) }
    }

    /// Starts no more tasks, cancels those that run, and waits until they have ended.
    func end() async {
        let slots = state.withLock { state in
            state.isEnded = true
            return Array(state.running.values)
        }
        for slot in slots { slot.cancel() }
        await waitUntilEmpty()
    }

    /// Waits until no task runs.
    func waitUntilEmpty() async {
        let outcome = Outcome<Void>()
        let isEmpty = state.withLock { state in
            guard !state.running.isEmpty else { return true }
            state.waiting.append(outcome)
            return false
        }
        if !isEmpty { await outcome.wait() }
    }

    /// Waits until no task runs, or until some time has passed, or the waiting task is cancelled.
    func waitUntilEmpty(atMost limit: Duration) async {
        let outcome = Outcome<Void>()
        let isEmpty = state.withLock { state in
            guard !state.running.isEmpty else { return true }
            state.waiting.append(outcome)
            return false
        }
        guard !isEmpty else { return }
        await withTaskGroup { group in
            group.addTask { await outcome.wait(orWhenCancelled: ()) }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }
}
