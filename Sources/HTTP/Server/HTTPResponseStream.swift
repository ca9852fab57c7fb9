// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Sockets
import Synchronization

/// The body of an answer that comes in pieces.
///
/// What is written is counted until the socket has taken it: `write` waits while much of it is not, and a client that
/// leaves `max_stream_backlog` bytes loses the stream. Pieces arrive in the order they are written in.
package final class HTTPResponseStream: Sendable {
    /// How many bytes may wait for the client before `write` waits, too.
    private static let highWater = 64 << 10

    private enum Phase {
        case open
        /// Nothing more will be written; what is there goes out.
        case finished
        /// The client is gone, or the stream was given up.
        case closed
    }

    private struct State {
        var phase = Phase.open
        /// What the event loop has not yet taken.
        var inbox = ByteBuffer()
        var isScheduled = false
        /// Bytes that the socket has not yet taken, those of the inbox among them; taken from the budget.
        var unsent = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let connection: HTTPServerConnection
    private let number: UInt64
    private let state = Mutex(State())

    init(connection: HTTPServerConnection, number: UInt64) {
        self.connection = connection
        self.number = number
    }

    deinit {
        // A stream that nobody ends would hold its connection for ever.
        let (isOpen, unsent) = state.withLock { ($0.phase == .open, $0.unsent) }
        connection.server.budget.release(unsent)
        guard isOpen else { return }
        let connection = connection
        let number = number
        connection.onLoop { connection.abandonStream(number) }
    }

    /// Whether the client is gone, or the stream has ended.
    package var isClosed: Bool { state.withLock { $0.phase != .open } }

    /// Writes a piece, after waiting until the client has taken most of what was written before.
    ///
    /// - Throws: `HTTPStreamError` when the stream is closed, `CancellationError` when the task is cancelled.
    package func write(_ piece: ByteBuffer) async throws {
        try await waitForRoom()
        try writeNow(piece)
    }

    /// Waits until the client has taken most of what was written before.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    package func waitForRoom() async throws {
        while state.withLock({ $0.phase == .open && $0.unsent > Self.highWater }) {
            try Task.checkCancellation()
            await waitOnce()
        }
        try Task.checkCancellation()
    }

    /// Writes a piece without waiting.
    ///
    /// - Throws: `HTTPStreamError` when the stream is closed, or the client has left too much, which ends the stream.
    package func writeNow(_ piece: ByteBuffer) throws(HTTPStreamError) {
        guard piece.readableBytes > 0 else { return }
        let configuration = connection.server.configuration
        let outcome = state.withLock { state -> Result<Bool, HTTPStreamError> in
            guard state.phase == .open else { return .failure(.closed) }
            guard state.unsent + piece.readableBytes <= configuration.maxStreamBacklog else {
                return .failure(.tooSlow(configuration))
            }
            guard connection.server.budget.reserve(piece.readableBytes) else {
                return .failure(.outOfMemory(connection.server.budget))
            }
            if state.inbox.readableBytes == 0 {
                state.inbox = piece
            } else {
                state.inbox.writeImmutableBuffer(piece)
            }
            state.unsent += piece.readableBytes
            defer { state.isScheduled = true }
            return .success(!state.isScheduled)
        }
        switch outcome {
        case .success(true):
            onLoop { self.empty() }
        case .success(false):
            break
        case .failure(let error):
            if error.endsTheStream { abort() }
            throw error
        }
    }

    /// Ends the answer after what has been written.
    package func finish() {
        let ends = state.withLock { state in
            guard state.phase == .open else { return false }
            state.phase = .finished
            return true
        }
        if ends { onLoop { self.empty() } }
    }

    /// Closes the connection in the middle of the answer, so that the client knows that something is missing.
    package func abort() {
        let connection = connection
        let number = number
        closed()
        connection.onLoop { connection.abandonStream(number) }
    }

    // MARK: On the event loop

    /// The head of the answer is written: pieces may follow.
    func begin() { empty() }

    /// Nothing more can be written.
    func closed() {
        let waiters = state.withLock { state in
            state.phase = .closed
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    private func empty() {
        guard connection.isStreaming(number) else { return }
        let (bytes, isLast) = state.withLock { state in
            var taken = ByteBuffer()
            swap(&taken, &state.inbox)
            state.isScheduled = false
            return (taken, state.phase == .finished)
        }
        let count = bytes.readableBytes
        connection.writePiece(bytes, number, isLast: isLast) { self.sent(count) }
    }

    private func sent(_ count: Int) {
        connection.server.budget.release(count)
        let waiters = state.withLock { state -> [UInt64: CheckedContinuation<Void, Never>] in
            state.unsent -= count
            guard state.unsent <= Self.highWater else { return [:] }
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    private func onLoop(_ action: @escaping @Sendable () -> Void) { connection.onLoop(action) }

    // MARK: Waiting

    private func waitOnce() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.phase == .open, state.unsent > Self.highWater, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
