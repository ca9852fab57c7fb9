// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Synchronization

/// The request messages of a streaming call, as they arrive.
///
/// To be iterated once. Ends when the client has sent its last message; throws when the call is cancelled. The client is
/// let send more only as messages are taken.
package struct GRPCRequestMessages: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let queue: RequestQueue

    /// Takes messages off the queue.
    package struct AsyncIterator: AsyncIteratorProtocol {
        let queue: RequestQueue

        /// The next message, or nil after the last.
        package mutating func next() async throws -> ByteBuffer? {
            try await queue.next()
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(queue: queue)
    }
}

/// Request messages between the event loop, which pushes, and one handler, which takes.
final class RequestQueue: Sendable {
    private let connection: ServerConnection
    private let stream: CallStream
    private let state = Mutex(State())

    private struct State {
        var messages = CircularBuffer<ByteBuffer>()
        var waiting: CheckedContinuation<ByteBuffer?, any Error>?
        var end: Result<Void, any Error>?
        /// Taken and not yet told to the connection.
        var consumed = 0
    }

    init(connection: ServerConnection, stream: CallStream) {
        self.connection = connection
        self.stream = stream
    }

    func push(_ message: ByteBuffer) {
        let waiting = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            guard state.end == nil else { return nil }
            guard let waiting = state.waiting.take() else {
                state.messages.append(message)
                return nil
            }
            return waiting
        }
        guard let waiting else { return }
        // We are on the event loop, inside the reading of frames: tell the connection when that is done.
        let bytes = message.readableBytes
        connection.eventLoop.execute { self.connection.consumed(bytes, by: self.stream) }
        waiting.resume(returning: message)
    }

    func finish() {
        end(.success(()), dropping: false)
    }

    func fail(_ error: any Error) {
        end(.failure(error), dropping: true)
    }

    private func end(_ result: Result<Void, any Error>, dropping: Bool) {
        let waiting = state.withLock { state in
            if state.end == nil || dropping { state.end = result }
            if dropping { state.messages.removeAll() }
            return state.waiting.take()
        }
        waiting?.resume(with: result.map { nil })
    }

    func next() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Step {
                    case give(ByteBuffer, consumed: Int)
                    case end(Result<Void, any Error>)
                    case wait
                }
                let step = state.withLock { state -> Step in
                    if let message = state.messages.popFirst() {
                        state.consumed += message.readableBytes
                        // A quarter of a window at a time, or when there is nothing more to take.
                        let threshold = connection.server.configuration.streamWindowSize / 4
                        guard state.consumed >= threshold || state.messages.isEmpty else {
                            return .give(message, consumed: 0)
                        }
                        defer { state.consumed = 0 }
                        return .give(message, consumed: state.consumed)
                    }
                    if let end = state.end { return .end(end) }
                    if Task.isCancelled { return .end(.failure(CancellationError())) }
                    if state.waiting != nil {
                        return .end(
                            .failure(GRPCStatus(.internal, "the requests of a call were iterated twice at once")))
                    }
                    state.waiting = continuation
                    return .wait
                }
                switch step {
                case .give(let message, let consumed):
                    if consumed > 0 {
                        connection.eventLoop.execute { self.connection.consumed(consumed, by: self.stream) }
                    }
                    continuation.resume(returning: message)
                case .end(let result):
                    continuation.resume(with: result.map { nil })
                case .wait:
                    break
                }
            }
        } onCancel: {
            fail(CancellationError())
        }
    }
}
