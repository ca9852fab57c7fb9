// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Tells the supervisor of an upstream that something has changed; several tellings before it looks are one.
final class RefreshSignal: Sendable {
    private struct State {
        var isPending = false
        var waiter: SharedResult<Void, Never>?
    }

    private let state = Mutex(State())

    /// Tells.
    func send() {
        let waiter = state.withLock { state in
            state.isPending = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.give(.success(()))
    }

    /// Waits until somebody tells, or the task is cancelled.
    ///
    /// To be called by one task at a time.
    func wait() async {
        let waiter = state.withLock { state -> SharedResult<Void, Never>? in
            guard !state.isPending else {
                state.isPending = false
                return nil
            }
            let waiter = SharedResult<Void, Never>()
            state.waiter = waiter
            return waiter
        }
        _ = await waiter?.wait()
    }
}
