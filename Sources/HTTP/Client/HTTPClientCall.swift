// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import Sockets
import Synchronization

/// One request of a client, from its caller's task to a connection, and the answer on its way back.
///
/// Caller and connection meet at a lock. The call ends once: whole, or with the first error there is.
final class HTTPClientCall: Sendable {
    typealias Head = (status: HTTPResponseStatus, headers: HTTPHeaders)

    private struct State {
        var head: Head?
        /// Bytes of the body that nobody has taken yet; taken from the budget.
        var body = ByteBuffer()
        var isComplete = false
        var error: HTTPClientError?
        // Unsafe ones cost no memory of their own; the lock sees to it that each is resumed once.
        var headWaiter: UnsafeContinuation<Result<Head, HTTPClientError>, Never>?
        var bodyWaiter: UnsafeContinuation<Result<ByteBuffer?, HTTPClientError>, Never>?
        var connection: HTTPClientConnection?
        var deadline: NIODeadline?
    }

    let origin: HTTPOrigin
    let method: HTTPMethod
    /// Head and, when it is short, body of the request, as they are sent.
    let bytes: ByteBuffer
    /// The body of the request when it is long.
    let longBody: ByteBuffer?
    let isIdempotent: Bool
    private let readAhead: Int
    private let budget: ByteBudget
    private let state: Mutex<State>

    // Guarded by the lock of the origin's connections.
    /// Whether it stands in the queue.
    nonisolated(unsafe) var isWaiting = false
    /// How often it was given to a connection that turned out to be closed.
    nonisolated(unsafe) var lostConnections = 0

    init(
        _ request: HTTPClientRequest, bytes: ByteBuffer, longBody: ByteBuffer?, deadline: NIODeadline, readAhead: Int,
        budget: ByteBudget
    ) {
        origin = request.address.origin
        method = request.method
        self.bytes = bytes
        self.longBody = longBody
        isIdempotent = request.isIdempotent
        self.readAhead = readAhead
        self.budget = budget
        state = Mutex(State(deadline: deadline))
    }

    deinit {
        let rest = state.withLock { $0.body.readableBytes }
        budget.release(rest)
    }

    // MARK: The caller's side

    /// The head of the answer; to be called once.
    func head() async -> Result<Head, HTTPClientError> {
        await withUnsafeContinuation { continuation in
            let ready = state.withLock { state -> Result<Head, HTTPClientError>? in
                if let error = state.error { return .failure(error) }
                if let head = state.head { return .success(head) }
                state.headWaiter = continuation
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    /// All of the answer is there, so that nobody needs to see to its end.
    var isComplete: Bool { state.withLock { $0.isComplete && $0.error == nil } }

    /// The bytes of the body that are there, after waiting for some; nil at the end.
    func nextPiece() async -> Result<ByteBuffer?, HTTPClientError> {
        if let ready = state.withLock({ takePiece(&$0) }) { return deliver(ready) }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let ready = state.withLock { state -> Result<ByteBuffer?, HTTPClientError>? in
                    if let ready = takePiece(&state) { return ready }
                    state.bodyWaiter = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            fail(.cancelled(origin))
        }
        return deliver(result)
    }

    /// What a reader gets now; nil when it has to wait.
    private func takePiece(_ state: inout State) -> Result<ByteBuffer?, HTTPClientError>? {
        if state.body.readableBytes > 0 {
            var piece = ByteBuffer()
            swap(&piece, &state.body)
            return .success(piece)
        }
        if let error = state.error { return .failure(error) }
        return state.isComplete ? .success(nil) : nil
    }

    private func deliver(_ result: Result<ByteBuffer?, HTTPClientError>) -> Result<ByteBuffer?, HTTPClientError> {
        guard case .success(let piece?) = result else { return result }
        budget.release(piece.readableBytes)
        if piece.readableBytes > readAhead { state.withLock { $0.connection }?.resumeReading() }
        return result
    }

    func setDeadline(_ deadline: NIODeadline?) {
        let connection = state.withLock { state in
            state.deadline = deadline
            return state.connection
        }
        connection?.deadlineChanged()
    }

    // MARK: Both sides

    var deadline: NIODeadline? { state.withLock { $0.deadline } }

    /// Whether it has ended, or nobody wants it any more.
    var isOver: Bool { state.withLock { $0.isComplete || $0.error != nil } }

    /// Ends the call with an error, unless it has ended; its connection is closed then.
    func fail(_ error: HTTPClientError) {
        let taken = state.withLock { state -> State? in
            guard !state.isComplete, state.error == nil else { return nil }
            state.error = error
            let copy = state
            state.headWaiter = nil
            state.bodyWaiter = nil
            state.connection = nil
            return copy
        }
        guard let taken else { return }
        taken.headWaiter?.resume(returning: .failure(error))
        taken.bodyWaiter?.resume(returning: .failure(error))
        taken.connection?.abandoned(self)
    }

    // MARK: The connection's side

    /// A connection takes the call; false when it is over already.
    func assign(to connection: HTTPClientConnection) -> Bool {
        state.withLock { state in
            guard state.error == nil else { return false }
            state.connection = connection
            return true
        }
    }

    /// The connection lets go of the call, which another one is to serve.
    func unassign() {
        state.withLock { $0.connection = nil }
    }

    /// The head is there; the caller is not told before `announce`, or before all is there.
    func received(head: Head) {
        state.withLock { $0.head = head }
    }

    /// Head and body are there, and nothing more will come; whoever waits is told by `completed`.
    ///
    /// - Returns: false when the budget has no room for the body.
    func received(head: Head, _ body: ByteBuffer) -> Bool {
        guard budget.reserve(body.readableBytes) else { return false }
        let isWanted = state.withLock { state in
            guard state.error == nil else { return false }
            state.head = head
            state.body = body
            return true
        }
        if !isWanted { budget.release(body.readableBytes) }
        return true
    }

    /// Bytes of the body are there.
    ///
    /// - Returns: whether there is room for more before somebody reads; nil when the budget has none for these.
    func received(_ bytes: ByteBuffer) -> Bool? {
        guard budget.reserve(bytes.readableBytes) else { return nil }
        let (waiter, piece, hasRoom) = state.withLock { state in
            guard state.error == nil else {
                budget.release(bytes.readableBytes)
                return (nil as UnsafeContinuation<Result<ByteBuffer?, HTTPClientError>, Never>?, bytes, true)
            }
            if let waiter = state.bodyWaiter.take() { return (waiter, bytes, true) }
            if state.body.readableBytes == 0 {
                state.body = bytes
            } else {
                state.body.writeImmutableBuffer(bytes)
            }
            return (nil, bytes, state.body.readableBytes <= readAhead)
        }
        waiter?.resume(returning: .success(piece))
        return hasRoom
    }

    /// Whether the reader has left room for more of the body.
    var hasRoom: Bool { state.withLock { $0.body.readableBytes <= readAhead } }

    /// Tells the caller of the head, if it is there.
    func announce() {
        let (waiter, head) = state.withLock { state in (state.head == nil ? nil : state.headWaiter.take(), state.head) }
        if let waiter, let head { waiter.resume(returning: .success(head)) }
    }

    /// All of the answer is there.
    func completed() {
        let taken = state.withLock { state -> State? in
            guard state.error == nil, !state.isComplete else { return nil }
            state.isComplete = true
            let copy = state
            state.headWaiter = nil
            state.bodyWaiter = nil
            state.connection = nil
            return copy
        }
        guard let taken else { return }
        if let head = taken.head { taken.headWaiter?.resume(returning: .success(head)) }
        taken.bodyWaiter?.resume(returning: .success(nil))
    }
}

extension HTTPClientError {
    static func cancelled(_ origin: HTTPOrigin) -> HTTPClientError {
        HTTPClientError(.cancelled, "a request to \(origin) was cancelled by who made it")
    }

    static func deadlineExceeded(_ origin: HTTPOrigin) -> HTTPClientError {
        HTTPClientError(
            .deadlineExceeded, "\(origin) has not answered in full within the time limit; see what the server is doing")
    }

    static func outOfMemory(_ origin: HTTPOrigin, _ budget: ByteBudget) -> HTTPClientError {
        HTTPClientError(
            .busy,
            "the answer of \(origin) does not fit into what this process may hold of messages (\(budget.limit) bytes); "
                + "try again later, or raise gatehouse.memory_budget")
    }
}
