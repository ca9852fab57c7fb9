// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Sockets
internal import Synchronization

/// Does things one after the other, in the order in which they were added, in a task that lives while there are any.
final class SerialTasks: Sendable {
    typealias Operation = @Sendable () async -> Void

    private struct State {
        var waiting = CircularBuffer<Operation>()
        var isRunning = false
        var isFull = false
        var waitingForRoom: [Outcome<Void>] = []
    }

    private let owner: TaskOwner
    private let executor: EventLoopTaskExecutor
    private let limit: Int
    private let onFull: @Sendable (Bool) -> Void
    private let state = Mutex(State())

    /// Makes a queue.
    ///
    /// - Parameters:
    ///   - limit: how many may wait before `onFull` is called with true; with false when half of them are done.
    init(
        owner: TaskOwner, executor: EventLoopTaskExecutor, limit: Int,
        onFull: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.owner = owner
        self.executor = executor
        self.limit = limit
        self.onFull = onFull
    }

    /// Adds something to do.
    ///
    /// - Returns: whether it will be done; false when the owner has ended, and nothing is being done any more.
    @discardableResult
    func add(_ operation: @escaping Operation) -> Bool {
        let (starts, isNowFull) = state.withLock { state -> (Bool, Bool) in
            state.waiting.append(operation)
            let isNowFull = !state.isFull && state.waiting.count >= limit
            if isNowFull { state.isFull = true }
            guard !state.isRunning else { return (false, isNowFull) }
            state.isRunning = true
            return (true, isNowFull)
        }
        if isNowFull { onFull(true) }
        guard starts else { return true }
        guard !owner.start(on: executor, TaskSlot(), { await self.work() }) else { return true }
        let woken = state.withLock { state in
            defer { state = State() }
            return state.waitingForRoom
        }
        for outcome in woken { outcome.give(()) }
        return false
    }

    /// Waits until fewer wait than may.
    func waitForRoom() async {
        let outcome = Outcome<Void>()
        let hasRoom = state.withLock { state in
            guard state.isFull else { return true }
            state.waitingForRoom.append(outcome)
            return false
        }
        if !hasRoom { await outcome.wait(orWhenCancelled: ()) }
    }

    private func work() async {
        while true {
            let (operation, woken) = state.withLock { state -> (Operation?, [Outcome<Void>]?) in
                let operation = state.waiting.popFirst()
                if operation == nil { state.isRunning = false }
                guard state.isFull, state.waiting.count <= limit / 2 else { return (operation, nil) }
                state.isFull = false
                defer { state.waitingForRoom = [] }
                return (operation, state.waitingForRoom)
            }
            if let woken {
                onFull(false)
                for outcome in woken { outcome.give(()) }
            }
            guard let operation else { return }
            await operation()
        }
    }
}
