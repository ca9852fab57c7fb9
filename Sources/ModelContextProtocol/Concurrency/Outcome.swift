// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A result that one task waits for and that anybody may give, once; what is given later is dropped.
final class Outcome<Value: Sendable>: Sendable {
    private let state = Mutex(OutcomeState<Value>())

    /// Gives the result; says whether it is the first.
    @discardableResult
    func give(_ value: Value) -> Bool {
        let (waiting, isFirst) = state.withLock { $0.give(value) }
        waiting?.resume(returning: value)
        return isFirst
    }

    /// Waits for the result; to be called once.
    func wait() async -> Value {
        await withUnsafeContinuation { continuation in
            if let value = state.withLock({ $0.wait(continuation) }) { continuation.resume(returning: value) }
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

/// Where a result stands that one task waits for; within the lock of whoever has it, who resumes the task without that lock.
enum OutcomeState<Value: Sendable> {
    case open
    // An unsafe one costs no memory of its own; the lock sees to it that it is resumed once.
    case waiting(UnsafeContinuation<Value, Never>)
    case given(Value)
    case taken

    init() { self = .open }

    /// Takes the result, if it is the first.
    ///
    /// - Returns: who is to be resumed with it, and whether it is the first.
    mutating func give(_ value: Value) -> (waiting: UnsafeContinuation<Value, Never>?, isFirst: Bool) {
        switch self {
        case .open:
            self = .given(value)
            return (nil, true)
        case .waiting(let continuation):
            self = .taken
            return (continuation, true)
        case .given, .taken:
            return (nil, false)
        }
    }

    /// Hands out the result, if it is there; else keeps who waits for it.
    mutating func wait(_ continuation: UnsafeContinuation<Value, Never>) -> Value? {
        guard case .given(let value) = self else {
            self = .waiting(continuation)
            return nil
        }
        self = .taken
        return value
    }
}
