// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginWire
import Sockets
import Synchronization

/// One call of a client, from its caller's task to a connection and back.
///
/// It ends once: with an answer or a failure from the connection, at its deadline, or by its caller's cancellation, whichever comes
/// first; the caller goes on at that moment, and whoever holds the call then lets go of it.
///
/// `@unchecked Sendable`: what belongs to the connection is read and written on the event loop of the connection that the call is
/// assigned to; what belongs to the pool under the pool's lock.
final class SocketClientCall: @unchecked Sendable {
    /// How a call ended.
    typealias Outcome = Result<ByteBuffer, SocketCallFailure>

    private struct State {
        /// An unsafe one costs no memory of its own; the lock sees to it that it is resumed once.
        var continuation: UnsafeContinuation<Outcome, Never>?
        var outcome: Outcome?
        var connection: SocketClientConnection?
    }

    let kind: TaggedFrame.Kind
    let request: ByteBuffer
    let deadline: NIODeadline
    private let budget: ByteBudget
    private let state = Mutex(State())

    // Guarded by the pool's lock.
    /// Ends it while it waits for a connection.
    var waitTimer: Scheduled<Void>?
    var isWaiting = false

    // On the event loop of its connection.
    var id: UInt32 = 0
    /// Bytes taken from the budget.
    private var reserved: Int

    /// Takes over the request's bytes, which the caller has reserved.
    init(kind: TaggedFrame.Kind, request: ByteBuffer, deadline: NIODeadline, budget: ByteBudget) {
        self.kind = kind
        self.request = request
        self.deadline = deadline
        self.budget = budget
        reserved = request.readableBytes
    }

    deinit {
        budget.release(reserved)
    }

    /// Takes over bytes of its answer that are reserved already.
    func takeOver(_ bytes: Int) { reserved += bytes }

    // MARK: The end

    /// Gives the call to a connection; false when it has ended.
    func assign(_ connection: SocketClientConnection) -> Bool {
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
    func cancel() -> (isFirst: Bool, connection: SocketClientConnection?) {
        end(.failure(SocketCallFailure(.cancelled, "the caller cancelled the call")))
    }

    private func end(_ outcome: Outcome) -> (isFirst: Bool, connection: SocketClientConnection?) {
        let (isFirst, continuation, connection) = state.withLock { state in
            guard state.outcome == nil else {
                return (false, nil as UnsafeContinuation<Outcome, Never>?, nil as SocketClientConnection?)
            }
            state.outcome = outcome
            // Neither is needed any more, and they must not keep each other alive.
            let (continuation, connection) = (state.continuation, state.connection)
            (state.continuation, state.connection) = (nil, nil)
            return (true, continuation, connection)
        }
        continuation?.resume(returning: outcome)
        return (isFirst, connection)
    }

    /// Waits for the end.
    ///
    /// To be called once.
    func outcome() async -> Outcome {
        await withUnsafeContinuation { continuation in
            let outcome = state.withLock { state in
                if state.outcome == nil { state.continuation = continuation }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
