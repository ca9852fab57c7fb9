// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A result that one task waits for and that anybody may give, once; what is given later is dropped.
final class Outcome<Value: Sendable>: Sendable {
    private enum State {
        case open
        // An unsafe one costs no memory of its own; the lock sees to it that it is resumed once.
        case waiting(UnsafeContinuation<Value, Never>)
        case given(Value)
        case taken
    }

    private let state = Mutex<State>(.open)

    /// Gives the result; says whether it is the first.
    @discardableResult
    func give(_ value: Value) -> Bool {
        let (continuation, isFirst) = state.withLock { state -> (UnsafeContinuation<Value, Never>?, Bool) in
            switch state {
            case .open:
                state = .given(value)
                return (nil, true)
            case .waiting(let continuation):
                state = .taken
                return (continuation, true)
            case .given, .taken:
                return (nil, false)
            }
        }
        continuation?.resume(returning: value)
        return isFirst
    }

    /// Waits for the result; to be called once.
    func wait() async -> Value {
        await withUnsafeContinuation { continuation in
            let value = state.withLock { state -> Value? in
                guard case .given(let value) = state else {
                    state = .waiting(continuation)
                    return nil
                }
                state = .taken
                return value
            }
            if let value { continuation.resume(returning: value) }
        }
    }

    /// Waits for the result, or gives this one when the waiting task is cancelled.
    func wait(orWhenCancelled fallback: @autoclosure @escaping @Sendable () -> Value) async -> Value {
        await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            give(fallback())
        }
    }
}
