// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Holds the task of one call for whoever may cancel it, before the task exists and after it has ended as well.
final class TaskSlot: Sendable {
    private enum State {
        case empty
        case cancelledBeforeStart
        case running(Task<Void, Never>)
        case ended
    }

    private let state = Mutex<State>(.empty)

    /// Takes the task, which is cancelled at once if that was asked for.
    func fill(_ task: Task<Void, Never>) {
        let cancel = state.withLock { state -> Bool in
            switch state {
            case .empty:
                state = .running(task)
                return false
            case .cancelledBeforeStart:
                state = .running(task)
                return true
            case .running, .ended:
                return false
            }
        }
        if cancel { task.cancel() }
    }

    /// Cancels the task.
    func cancel() {
        let task = state.withLock { state -> Task<Void, Never>? in
            switch state {
            case .empty:
                state = .cancelledBeforeStart
                return nil
            case .running(let task): return task
            case .cancelledBeforeStart, .ended: return nil
            }
        }
        task?.cancel()
    }

    /// Lets go of the task; its last act.
    func end() {
        state.withLock { $0 = .ended }
    }
}
