// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Ends waits at their deadlines.
///
/// They are looked at every few milliseconds while there are any: a timer for each call would cost every plugin that suspends two
/// tasks more.
final class DeadlineQueue: Sendable {
    /// Names one entry, so that it can be removed.
    struct Ticket: Sendable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        let deadline: ContinuousClock.Instant
        let expire: @Sendable () -> Void
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var nextNumber: UInt64 = 0
        var isTicking = false
    }

    /// How far behind its deadline a wait may end.
    static let resolution = Duration.milliseconds(10)

    private let state = Mutex(State())

    /// Calls `expire` once when the deadline has passed, unless the entry is removed before.
    func add(_ deadline: ContinuousClock.Instant, expire: @escaping @Sendable () -> Void) -> Ticket {
        let (ticket, starts) = state.withLock { state in
            let number = state.nextNumber
            state.nextNumber += 1
            state.entries[number] = Entry(deadline: deadline, expire: expire)
            defer { state.isTicking = true }
            return (Ticket(number: number), !state.isTicking)
        }
        // Ends by itself when the queue is empty, and is started again by the next entry.
        if starts { TimerThread.shared.schedule(every: Self.resolution) { self.tick() } }
        return ticket
    }

    /// Forgets an entry.
    func remove(_ ticket: Ticket) {
        state.withLock { state in _ = state.entries.removeValue(forKey: ticket.number) }
    }

    /// Ends what is due; false when nothing is left to wait for.
    private func tick() -> Bool {
        let now = ContinuousClock.now
        let expired = state.withLock { state -> [Entry]? in
            guard !state.entries.isEmpty else {
                state.isTicking = false
                return nil
            }
            let expired = state.entries.filter { $0.value.deadline <= now }
            for number in expired.keys { state.entries.removeValue(forKey: number) }
            return Array(expired.values)
        }
        guard let expired else { return false }
        for entry in expired { entry.expire() }
        return true
    }
}
