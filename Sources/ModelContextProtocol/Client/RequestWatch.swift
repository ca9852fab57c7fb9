// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Ends requests at their deadlines, which may be put off while they run: with one timer for all of them, set for the first.
///
/// As good as all requests are answered in time, and those that come later have later deadlines, so that hardly any of them
/// touches the timer. For links that read answers elsewhere than in the request's task.
final class RequestWatch: Sendable {
    private struct State {
        var next: NIODeadline?
        var timer: Scheduled<Void>?
    }

    private let core: ClientCore
    private let server: String
    private let state = Mutex(State())

    /// Makes the watch of a session.
    ///
    /// - Parameter server: What errors call the server.
    init(_ core: ClientCore, server: String) {
        self.core = core
        self.server = server
    }

    /// Sees to it that the requests that wait are looked at when this deadline has come.
    func watch(_ deadline: NIODeadline) {
        // A stream of notifications lasts as long as it does.
        guard deadline < .distantFuture else { return }
        let isSooner = state.withLock { state in
            if let next = state.next, next <= deadline { return false }
            state.next = deadline
            return true
        }
        guard isSooner else { return }
        let timer = core.eventLoop.scheduleTask(deadline: deadline) { [weak self] () -> Void in self?.look(deadline) }
        let old = state.withLock { state -> Scheduled<Void>? in
            // Another one, for a deadline before this one, may have taken its place meanwhile.
            guard state.next == deadline else { return timer }
            defer { state.timer = timer }
            return state.timer
        }
        old?.cancel()
    }

    private func look(_ deadline: NIODeadline) {
        let isCurrent = state.withLock { state in
            guard state.next == deadline else { return false }
            state = State()
            return true
        }
        guard isCurrent else { return }
        let now = NIODeadline.now()
        var next: NIODeadline?
        for request in core.waitingRequests {
            let deadline = request.deadline
            if deadline <= now {
                request.give(
                    .failure(
                        .timeout("\(server) has not answered in time; see whether it is busy, or raise its time limit")
                    ))
            } else {
                next = next.map { min($0, deadline) } ?? deadline
            }
        }
        if let next { watch(next) }
    }

    /// Forgets all deadlines.
    func stop() {
        state.withLock { state in
            defer { state = State() }
            return state.timer
        }?.cancel()
    }
}
