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

    private struct Contents {
        var state = State.running(nil)
        var hasBegun = false
    }

    private let contents = Mutex(Contents())

    /// Notes that the work begins; false when nobody wants it any more.
    func begin() -> Bool {
        contents.withLock { contents in
            switch contents.state {
            case .finished, .left: return false
            case .running, .waiting:
                contents.hasBegun = true
                return true
            }
        }
    }

    /// Takes note of the task, so that it can be cancelled.
    ///
    /// The call may be over already.
    func attach(_ task: Task<Void, Never>) {
        contents.withLock { contents in
            if case .running = contents.state { contents.state = .running(task) }
        }
    }

    /// The answer, if the plugin gave it without suspending.
    var answerIfFinished: Answer? {
        contents.withLock { contents in
            guard case .finished(let answer) = contents.state else { return nil }
            contents.state = .left
            return answer
        }
    }

    /// Waits for the answer of the plugin, or for the one given to ``abandon(with:)``.
    func answer() async -> Answer {
        await withUnsafeContinuation { continuation in
            let answer = contents.withLock { contents -> Answer? in
                switch contents.state {
                case .finished(let answer):
                    contents.state = .left
                    return answer
                case .running(let task):
                    contents.state = .waiting(task, continuation)
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
        let (waiter, isWanted) = contents.withLock { contents -> (UnsafeContinuation<Answer, Never>?, Bool) in
            switch contents.state {
            case .running:
                contents.state = .finished(answer)
                return (nil, true)
            case .waiting(_, let continuation):
                contents.state = .left
                return (continuation, true)
            case .finished, .left:
                return (nil, false)
            }
        }
        waiter?.resume(returning: answer)
        return isWanted
    }

    /// Ends the wait with this answer and cancels the plugin's task; false when the call was over already.
    ///
    /// - Parameter whenRunning: takes note that the work has begun and still runs; called before the waiting side goes on, so that
    ///   its next call finds the note.
    @discardableResult
    func abandon(with answer: Answer, whenRunning: () -> Void = {}) -> Bool {
        let (task, waiter, isWanted, isRunning) = contents.withLock {
            contents -> (Task<Void, Never>?, UnsafeContinuation<Answer, Never>?, Bool, Bool) in
            switch contents.state {
            case .running(let task):
                contents.state = .finished(answer)
                return (task, nil, true, contents.hasBegun)
            case .waiting(let task, let continuation):
                contents.state = .left
                return (task, continuation, true, contents.hasBegun)
            case .finished, .left:
                return (nil, nil, false, false)
            }
        }
        if isRunning { whenRunning() }
        task?.cancel()
        waiter?.resume(returning: answer)
        return isWanted
    }
}
