// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// A request of the client that is being answered.
struct CallInFlight: Sendable {
    let id: JSONRPCID
    let task: TaskSlot
    let outlet: any CallOutlet
}

/// Requests of the client.
extension MCPServerSession {
    /// Notes a call that begins.
    ///
    /// - Throws: when its id is in use, the session is over, or has as many calls as it may.
    func begin(_ call: CallInFlight) throws(JSONRPCError) {
        let refusal = state.withLock { state -> JSONRPCError? in
            guard !state.isEnded else { return .invalidRequest("the session is over; begin a new one") }
            guard state.calls[call.id] == nil else {
                return .invalidRequest(
                    "the id \(call.id) belongs to a request in flight; give each request an id of its own")
            }
            guard state.calls.count < limits.maxCallsPerSession else {
                return .internalError(
                    "\(limits.maxCallsPerSession) requests of this session are in flight, as many as may be; "
                        + "wait for an answer before you send more")
            }
            state.calls[call.id] = call
            state.lastUse = .now()
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Lets go of a call that has ended; false when it was cancelled, and its answer is not wanted any more.
    func finish(_ id: JSONRPCID) -> Bool {
        state.withLock { state in
            state.lastUse = .now()
            return state.calls.removeValue(forKey: id) != nil
        }
    }

    /// Cancels a call at the client's wish; an unknown one, or one that has ended, is passed over (MCP, Cancellation).
    func cancel(_ id: JSONRPCID) {
        guard let call = state.withLock({ $0.calls.removeValue(forKey: id) }) else { return }
        call.task.cancel()
        call.outlet.abandon(id)
    }

    /// Whether nothing has happened for some time and nothing is going on.
    func isIdle(since time: NIODeadline) -> Bool {
        state.withLock { $0.calls.isEmpty && !$0.unrelated.hasReader && $0.lastUse < time }
    }

    /// Notes that the client is there.
    func touch() {
        state.withLock { $0.lastUse = .now() }
    }
}
