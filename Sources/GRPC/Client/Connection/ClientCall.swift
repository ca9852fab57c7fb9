// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import Sockets
import Synchronization

/// One call of a client, from its caller's task to a stream of a connection and back.
///
/// It ends once: with an answer or a status from the connection, at its deadline, or by its caller's cancellation, whichever comes
/// first; the caller goes on at that moment, and whoever holds the call then lets go of it.
///
/// `@unchecked Sendable`: what belongs to the connection is read and written on the event loop of the connection that the call is
/// assigned to. A call gets another connection only after the first has let go of it, through the lock of the dispatcher.
final class ClientCall: @unchecked Sendable {
    /// How a call ended.
    typealias Outcome = Result<ByteBuffer, GRPCStatus>

    private struct State {
        /// An unsafe one costs no memory of its own; the lock sees to it that it is resumed once.
        var continuation: UnsafeContinuation<Outcome, Never>?
        var outcome: Outcome?
        var connection: ClientConnection?
    }

    let path: String
    let metadata: [(name: String, value: String)]
    let deadline: NIODeadline
    /// The request with its prefix; never changed, so that it can be sent again without being copied.
    let request: ByteBuffer
    /// Whether it takes room of its connection that the dispatcher counts.
    let isCounted: Bool
    private let budget: ByteBudget
    private let state = Mutex(State())

    // Guarded by the dispatcher's lock.
    /// Whether it stands in the dispatcher's queue.
    var isWaiting = false

    // On the event loop of its connection.
    var id: StreamID = 0
    /// Its number among those that share a stream; 0 for one with a stream of its own.
    var number: UInt32 = 0
    var reader = MessageReader()
    var answer: ByteBuffer?
    var encoding = MessageEncoding.identity
    var headersReceived = false
    var inboundWindow = 0
    /// How often a server refused it.
    var refusals = 0
    /// Bytes taken from the budget.
    var reserved: Int

    /// Takes over the request's bytes, which the caller has reserved.
    init(
        path: String, metadata: [(name: String, value: String)], deadline: NIODeadline, request: ByteBuffer,
        isCounted: Bool, budget: ByteBudget
    ) {
        self.path = path
        self.metadata = metadata
        self.deadline = deadline
        self.request = request
        self.isCounted = isCounted
        self.budget = budget
        reserved = request.readableBytes
    }

    deinit {
        budget.release(reserved)
    }

    /// Takes more bytes from the budget; false when there are not as many.
    func reserve(_ bytes: Int) -> Bool {
        guard budget.reserve(bytes) else { return false }
        reserved += bytes
        return true
    }

    /// Takes over bytes that were taken from the budget before it was known whose they are.
    func takeOver(_ bytes: Int) { reserved += bytes }

    /// The stream did not come to anything: forgets all of it.
    func rewind() {
        id = 0
        number = 0
        reader = MessageReader()
        answer = nil
        encoding = .identity
        headersReceived = false
        budget.release(reserved - request.readableBytes)
        reserved = request.readableBytes
        state.withLock { $0.connection = nil }
    }

    // MARK: The end

    /// Whether the call has ended.
    var isOver: Bool { state.withLock { $0.outcome != nil } }

    /// Gives the call to a connection; false when it has ended.
    func assign(_ connection: ClientConnection) -> Bool {
        state.withLock { state in
            guard state.outcome == nil else { return false }
            state.connection = connection
            return true
        }
    }

    /// Ends the call; false when it had ended.
    @discardableResult
    func finish(_ outcome: Outcome) -> Bool {
        end(outcome).isFirst
    }

    /// Ends the call because its caller does not want it any more; returns the connection that is to let go of it.
    func cancel() -> (isFirst: Bool, connection: ClientConnection?) {
        end(.failure(GRPCStatus(.cancelled, "the caller cancelled the call")))
    }

    private func end(_ outcome: Outcome) -> (isFirst: Bool, connection: ClientConnection?) {
        let (isFirst, continuation, connection) = state.withLock { state in
            guard state.outcome == nil else {
                return (false, nil as UnsafeContinuation<Outcome, Never>?, nil as ClientConnection?)
            }
            state.outcome = outcome
            // Neither is needed any more, and they must not keep each other alive.
            let connection = state.connection
            state.connection = nil
            return (true, state.continuation.take(), connection)
        }
        continuation?.resume(returning: outcome)
        return (isFirst, connection)
    }

    /// Waits for the end.
    ///
    /// To be called once.
    func outcome() async -> Outcome {
        if let outcome = state.withLock({ $0.outcome }) { return outcome }
        return await withUnsafeContinuation { continuation in
            let outcome = state.withLock { state in
                if state.outcome == nil { state.continuation = continuation }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
