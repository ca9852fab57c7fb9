// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A result that comes once and that any number of tasks wait for; one that is cancelled waits no longer.
final class SharedResult<Value: Sendable, Failure: Error>: Sendable {
    private struct State {
        var result: Result<Value, Failure>?
        var waiters: [UInt64: CheckedContinuation<Result<Value, Failure>?, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The result, if it is there.
    var result: Result<Value, Failure>? { state.withLock { $0.result } }

    /// Gives the result; only the first counts.
    func give(_ result: Result<Value, Failure>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Result<Value, Failure>?, Never>] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: result) }
    }

    /// Waits for the result; nil when the task that waits is cancelled.
    func wait() async -> Result<Value, Failure>? {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Result<Value, Failure>?? in
                    if let result = state.result { return result }
                    // The handler has run already, and found nobody.
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[number] = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(returning: nil)
        }
    }
}
