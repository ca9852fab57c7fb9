// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// The calls of an endpoint that have said nothing yet, and the one timer that keeps their connections from looking dead.
///
/// A call that is silent for long becomes a stream with comments: until then its connection carries nothing at all, and whoever is on
/// the way closes what is idle. One timer for all, because most calls are over long before it would have anything to do for them.
final class SilentAnswers: Sendable {
    private struct State {
        var answers: [ObjectIdentifier: ModernHTTPAnswer] = [:]
        var isScheduled = false
    }

    private let turn: TimeAmount
    private let state = Mutex(State())

    /// Makes it.
    ///
    /// - Parameter heartbeat: how long a call may be silent; its first comment comes after between half of it and the whole.
    init(heartbeat: Duration) {
        turn = TimeAmount(heartbeat / 2)
    }

    /// Watches an answer until it is removed, which whoever inserts it does in any case.
    func insert(_ answer: ModernHTTPAnswer, on eventLoop: any EventLoop) {
        let schedules = state.withLock { state in
            state.answers[ObjectIdentifier(answer)] = answer
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if schedules { schedule(on: eventLoop) }
    }

    func remove(_ answer: ModernHTTPAnswer) {
        _ = state.withLock { $0.answers.removeValue(forKey: ObjectIdentifier(answer)) }
    }

    private func schedule(on eventLoop: any EventLoop) {
        eventLoop.scheduleTask(in: turn) { [weak self] in self?.endTurn(on: eventLoop) }
    }

    private func endTurn(on eventLoop: any EventLoop) {
        let answers = state.withLock { state in
            // Nobody is left: the next call begins the turns anew.
            if state.answers.isEmpty { state.isScheduled = false }
            return Array(state.answers.values)
        }
        guard !answers.isEmpty else { return }
        for answer in answers { answer.noteTurn() }
        schedule(on: eventLoop)
    }
}
