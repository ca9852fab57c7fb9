// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import NIOCore
import PluginFramework
import Synchronization
import Values

/// The calls that wait for the answers of clients, within limits.
final class HeldCalls: Sendable {
    private struct State {
        /// Those that ask, by their ids.
        var held: [ByteKey: HeldCall] = [:]
        /// Of how many owners there are how many.
        var perOwner: [ByteKey: Int] = [:]
        var bytes = 0
        /// Those whose work has not ended, whether they ask or not.
        var working: [ObjectIdentifier: HeldCall] = [:]
        var isEnded = false
    }

    private let limits: GatewayLimits
    /// Where time runs out.
    let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(_ limits: GatewayLimits, eventLoop: any EventLoop) {
        self.limits = limits
        self.eventLoop = eventLoop
    }

    /// How many calls wait for answers.
    var count: Int { state.withLock { $0.held.count } }

    /// Notes a call that begins; false when none are taken any more.
    func begin(_ call: HeldCall) -> Bool {
        state.withLock { state in
            guard !state.isEnded else { return false }
            state.working[ObjectIdentifier(call)] = call
            return true
        }
    }

    /// Takes up a call that is to ask its client.
    ///
    /// - Throws: when as many wait as may; the upstream gets that in place of an answer.
    func admit(_ call: HeldCall) throws(JSONRPCError) {
        let owner = ByteKey(call.owner ?? "")
        let excess = state.withLock { state -> String? in
            guard !state.isEnded else { return "the gateway is to end" }
            guard state.held[ByteKey(call.id)] == nil else { return nil }
            guard state.held.count < limits.maximumHeldCalls else { return "limits.max_held_calls" }
            guard call.owner == nil || state.perOwner[owner, default: 0] < limits.maximumHeldCallsPerUser else {
                return "limits.max_held_calls_per_user"
            }
            guard state.bytes + call.size <= limits.maximumHeldBytes else { return "limits.max_held_bytes" }
            state.held[ByteKey(call.id)] = call
            state.perOwner[owner, default: 0] += 1
            state.bytes += call.size
            return nil
        }
        guard let excess else { return }
        throw .internalError(
            "the client cannot be asked now, because as many calls wait for answers as may be (\(excess)); try again later"
        )
    }

    /// The call with an id, if it is this owner's.
    func find(_ id: String, of owner: String?) -> HeldCall? {
        guard let call = state.withLock({ $0.held[ByteKey(id)] }) else { return nil }
        switch (call.owner, owner) {
        case (nil, nil): return call
        case (let left?, let right?): return left.hasSameBytes(as: right) ? call : nil
        default: return nil
        }
    }

    /// Forgets a call that no client can come back to.
    func remove(_ call: HeldCall) {
        let owner = ByteKey(call.owner ?? "")
        state.withLock { state in
            guard state.held.removeValue(forKey: ByteKey(call.id)) != nil else { return }
            state.bytes -= call.size
            let rest = state.perOwner[owner, default: 1] - 1
            state.perOwner[owner] = rest > 0 ? rest : Optional<Int>.none
        }
    }

    /// Notes that the work of a call has ended.
    ///
    /// - Parameter isHeld: Whether its client is to come back all the same.
    func hasEnded(_ call: HeldCall, isHeld: Bool) {
        state.withLock { _ = $0.working.removeValue(forKey: ObjectIdentifier(call)) }
        if !isHeld { remove(call) }
    }

    /// Takes no more calls, ends those there are, and waits for their work.
    func end() async {
        let (held, working) = state.withLock { state in
            state.isEnded = true
            return (Array(state.held.values), Array(state.working.values))
        }
        for call in held + working { call.end(.internalError("the gateway is to end")) }
        for call in working { await call.waitForWork() }
    }
}
