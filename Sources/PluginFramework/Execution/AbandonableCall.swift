// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Work of a plugin on one side, whoever waits for its answer on the other.
///
/// The two are not parent and child. A parent must await its child, and a plugin may never return: here the waiting side leaves
/// with an error at the time limit, and the task, cancelled, is given up.
final class AbandonableCall<Answer: Sendable>: Sendable {
    private enum State {
        case running(Task<Void, Never>?)
        case waiting(Task<Void, Never>?, UnsafeContinuation<Answer, Never>)
        case finished(Answer)
        /// The waiting side has left; the task may still run.
        case left
    }

    private let state = Mutex(State.running(nil))

    /// Takes note of the task, so that it can be cancelled.
    ///
    /// The call may be over already.
    func attach(_ task: Task<Void, Never>) {
        state.withLock { state in
            if case .running = state { state = .running(task) }
        }
    }

    /// The answer, if the plugin gave it without suspending.
    var answerIfFinished: Answer? {
        state.withLock { state in
            guard case .finished(let answer) = state else { return nil }
            state = .left
            return answer
        }
    }

    /// Waits for the answer of the plugin, or for the one given to ``abandon(with:)``.
    func answer() async -> Answer {
        await withUnsafeContinuation { continuation in
            let answer = state.withLock { state -> Answer? in
                switch state {
                case .finished(let answer):
                    state = .left
                    return answer
                case .running(let task):
                    state = .waiting(task, continuation)
                    return nil
                case .waiting, .left:
                    // Only one side waits, once.
                    return nil
                }
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Gives the plugin's answer.
    ///
    /// False if nobody waits for it any more.
    func finish(_ answer: Answer) -> Bool {
        let (waiter, isWanted) = state.withLock { state -> (UnsafeContinuation<Answer, Never>?, Bool) in
            switch state {
            case .running:
                state = .finished(answer)
                return (nil, true)
            case .waiting(_, let continuation):
                state = .left
                return (continuation, true)
            case .finished, .left:
                return (nil, false)
            }
        }
        waiter?.resume(returning: answer)
        return isWanted
    }

    /// Ends the wait with this answer and cancels the plugin's task.
    ///
    /// False if the answer was there already.
    func abandon(with answer: Answer) -> Bool {
        let (task, waiter, isFirst) = state.withLock {
            state -> (Task<Void, Never>?, UnsafeContinuation<Answer, Never>?, Bool) in
            switch state {
            case .running(let task):
                state = .finished(answer)
                return (task, nil, true)
            case .waiting(let task, let continuation):
                state = .left
                return (task, continuation, true)
            case .finished, .left:
                return (nil, nil, false)
            }
        }
        task?.cancel()
        waiter?.resume(returning: answer)
        return isFirst
    }
}
