// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Those who watch something that changes: each hears the latest value, and of changes in the order in which they were made.
///
/// To be kept under the lock of what is watched. The end of a watcher does not take that lock: while a task is cancelled the runtime
/// holds a lock of the task, which is wanted as well by whoever wakes it, here with the lock of what is watched in hand; a handler that
/// then asks for this one would have both wait for ever. A watcher that has ended is noted elsewhere, and forgotten when there is
/// another, or a change. For the same reason nobody watches inside of anything whose own cancellation asks for that lock.
package struct Watchers<Element: Sendable>: Sendable {
    private var watching: [Int: AsyncStream<Element>.Continuation] = [:]
    private var lastNumber = 0
    private var isFinished = false
    private let ended = Ended()

    /// The numbers of watchers that have ended and still stand in the table.
    private final class Ended: Sendable {
        let numbers = Mutex<[Int]>([])
    }

    /// Makes an empty table.
    package init() {}

    /// Whether nobody watches.
    package var isEmpty: Bool { watching.isEmpty }

    /// Adds a watcher, whose stream ends at once when all have been ended already.
    ///
    /// - Parameter current: what it hears first; nil for nothing.
    /// - Returns: the latest value whenever there is another; values that come faster than they are taken replace each other.
    package mutating func add(_ current: Element?) -> AsyncStream<Element> {
        forgetEnded()
        let (stream, continuation) = AsyncStream.makeStream(of: Element.self, bufferingPolicy: .bufferingNewest(1))
        if let current { continuation.yield(current) }
        guard !isFinished else {
            continuation.finish()
            return stream
        }
        lastNumber += 1
        watching[lastNumber] = continuation
        continuation.onTermination = { [ended, number = lastNumber] _ in
            ended.numbers.withLock { $0.append(number) }
        }
        return stream
    }

    /// Tells all of a new value.
    package mutating func tell(_ value: Element) {
        guard !watching.isEmpty else { return }
        forgetEnded()
        for watcher in watching.values { watcher.yield(value) }
    }

    /// Ends all, once they have heard the value before.
    package mutating func finish() {
        isFinished = true
        for watcher in watching.values { watcher.finish() }
        forgetEnded()
    }

    /// Lets go of those that have ended.
    package mutating func forgetEnded() {
        let numbers = ended.numbers.withLock { numbers in
            defer { numbers = [] }
            return numbers
        }
        for number in numbers { watching[number] = nil }
    }
}
