// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Sockets
internal import Synchronization

/// Owns tasks that outlive the function that starts them: the one place where tasks without a parent begin.
///
/// Whoever has an owner ends it with ``end()``, which cancels all tasks and waits for them.
final class TaskOwner: Sendable {
    private struct State {
        /// Those that run, each in a place of its own.
        var slots: [TaskSlot?] = []
        /// Places that are free.
        var free: [Int] = []
        var isEnded = false
        var waiting: [Outcome<Void>] = []

        var count: Int { slots.count - free.count }
    }

    private let state = Mutex(State())

    /// How many tasks have not ended.
    var count: Int { state.withLock { $0.count } }

    /// Starts a task on an event loop; called there, it runs up to its first suspension before this returns.
    ///
    /// - Parameter slot: takes the task, for whoever may cancel it.
    /// - Returns: whether it was started; false when the owner has ended.
    @discardableResult
    func start(
        on executor: EventLoopTaskExecutor, _ slot: TaskSlot = TaskSlot(),
        _ operation: @escaping @Sendable () async -> Void
    ) -> Bool {
        let number = state.withLock { state -> Int? in
            guard !state.isEnded else { return nil }
            if let number = state.free.popLast() {
                state.slots[number] = slot
                return number
            }
            state.slots.append(slot)
            return state.slots.count - 1
        }
        guard let number else { return false }
        let task = executor.start {
            await operation()
            self.ended(number, slot)
        }
        slot.fill(task)
        return true
    }

    private func ended(_ number: Int, _ slot: TaskSlot) {
        slot.end()
        let waiting = state.withLock { state -> [Outcome<Void>] in
            state.slots[number] = nil
            state.free.append(number)
            guard state.count == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for outcome in waiting { outcome.give(()) }
    }

    /// Starts no more tasks, cancels those that run, and waits until they have ended.
    func end() async {
        let slots = state.withLock { state in
            state.isEnded = true
            return state.slots.compactMap { $0 }
        }
        for slot in slots { slot.cancel() }
        await waitUntilEmpty()
    }

    /// Waits until no task runs.
    func waitUntilEmpty() async {
        let outcome = Outcome<Void>()
        let isEmpty = state.withLock { state in
            guard state.count > 0 else { return true }
            state.waiting.append(outcome)
            return false
        }
        if !isEmpty { await outcome.wait() }
    }

    /// Waits until no task runs, or until some time has passed, or the waiting task is cancelled.
    func waitUntilEmpty(atMost limit: Duration) async {
        let outcome = Outcome<Void>()
        let isEmpty = state.withLock { state in
            guard state.count > 0 else { return true }
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
