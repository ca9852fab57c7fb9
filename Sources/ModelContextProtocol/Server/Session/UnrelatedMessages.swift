// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// A stream that waits for its next message; nil ends it.
typealias Waiter = Outcome<[UInt8]?>

/// The messages of a session that belong to no call, each on its way to exactly one of the client's streams.
struct UnrelatedMessages {
    /// What a stream that asks for its next message gets.
    enum Next {
        case message([UInt8])
        case wait
        case end
    }

    private var messages = CircularBuffer<[UInt8]>()
    private var bytes = 0
    private var waiters: [(reader: Int, waiter: Waiter)] = []
    private var readers: [Int] = []
    private var nextReader = 0
    private var isEnded = false

    /// Whether a stream is open.
    var hasReader: Bool { !readers.isEmpty }

    /// Adds a message, or gives it to a stream that waits; the oldest messages are dropped when there are too many.
    ///
    /// - Returns: the stream to hand it to, and how many messages were dropped.
    mutating func add(_ message: [UInt8], limits: MCPServerLimits) -> (waiter: Waiter?, dropped: Int) {
        guard !isEnded, message.count <= limits.maxWaitingBytes else { return (nil, 1) }
        // The stream that was opened last is the likeliest to be alive.
        if let (_, waiter) = waiters.popLast() { return (waiter, 0) }
        messages.append(message)
        bytes += message.count
        var dropped = 0
        while messages.count > limits.maxWaitingMessages || bytes > limits.maxWaitingBytes {
            bytes -= messages.removeFirst().count
            dropped += 1
        }
        return (nil, dropped)
    }

    /// Takes back a message that could not be written, for the next stream.
    mutating func putBack(_ message: [UInt8]) -> Waiter? {
        guard !isEnded else { return nil }
        if let (_, waiter) = waiters.popLast() { return waiter }
        messages.prepend(message)
        bytes += message.count
        return nil
    }

    /// Opens a stream; nil when the session is over.
    ///
    /// - Returns: its number, and the stream that has to end in its favour, if that one waits.
    mutating func open(limits: MCPServerLimits) -> (reader: Int, superseded: Waiter?)? {
        guard !isEnded else { return nil }
        defer { nextReader += 1 }
        readers.append(nextReader)
        guard readers.count > limits.maxStreamsPerSession else { return (nextReader, nil) }
        return (nextReader, close(readers[0]))
    }

    /// What a stream has to do next; `waiter` is kept when it has to wait.
    mutating func next(_ reader: Int, _ waiter: Waiter) -> Next {
        guard !isEnded, readers.contains(reader) else { return .end }
        guard let message = messages.popFirst() else {
            waiters.append((reader, waiter))
            return .wait
        }
        bytes -= message.count
        return .message(message)
    }

    /// Closes a stream.
    ///
    /// - Returns: what it waits with, if it does.
    mutating func close(_ reader: Int) -> Waiter? {
        readers.removeAll { $0 == reader }
        guard let position = waiters.firstIndex(where: { $0.reader == reader }) else { return nil }
        return waiters.remove(at: position).waiter
    }

    /// Ends all streams.
    ///
    /// - Returns: what those that wait do so with.
    mutating func end() -> [Waiter] {
        isEnded = true
        defer {
            waiters = []
            readers = []
            messages = CircularBuffer()
            bytes = 0
        }
        return waiters.map(\.waiter)
    }
}
