// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What a dispatcher knows, and how it decides; without locks, timers and effects.
struct DispatchState {
    /// A connection that takes calls.
    struct Ready {
        let connection: ClientConnection
        let features: UInt64
        var open = 0
        var limit: Int

        var room: Int { max(0, limit - open) }
    }

    /// What becomes of a call.
    enum Decision {
        case start(ClientConnection)
        /// It waits; a timer must be set when its deadline is the first, and connecting begun for the first of all calls.
        case wait(timer: NIODeadline?, isFirst: Bool)
        case refuse(GRPCStatus)
    }

    var ready: [Ready] = []
    var cursor = 0
    var waiting = WaitingCalls()
    var breaker: CircuitBreaker
    var status = GRPCChannelStatus()
    var watchers: [Int: AsyncStream<GRPCChannelStatus>.Continuation] = [:]
    var nextWatcher = 0
    /// When the timer of waiting calls goes off.
    var timerAt = NIODeadline.distantFuture

    init(breaker: CircuitBreaker) {
        self.breaker = breaker
    }

    mutating func decide(
        _ call: ClientCall, _ avoided: ClientConnection?, _ maxWaiting: Int, _ target: GRPCTarget
    ) -> Decision {
        // Of two reasons the plainer one.
        if status.connectivity == .transientFailure { return .refuse(unreachable(target)) }
        if let opening = breaker.opening { return .refuse(.heldBack(target, opening)) }
        // A call that was sent before goes ahead of those that have waited less.
        if waiting.isEmpty || avoided != nil, let connection = pick(avoiding: avoided) { return .start(connection) }
        if status.connectivity == .shutDown { return .refuse(.shutDown) }
        guard waiting.count < maxWaiting else {
            return .refuse(
                GRPCStatus(
                    .resourceExhausted,
                    "\(maxWaiting) calls to \(target) wait for room, as many as may; try again later, or raise "
                        + GRPCChannelConfiguration.key("max_waiting_calls")))
        }
        waiting.add(call, first: avoided != nil)
        let isFirst = status.connectivity == .idle
        if isFirst { updateStatus(.connecting) }
        guard call.deadline < timerAt else { return .wait(timer: nil, isFirst: isFirst) }
        timerAt = call.deadline
        return .wait(timer: call.deadline, isFirst: isFirst)
    }

    /// The next connection with room.
    private mutating func pick(avoiding avoided: ClientConnection?) -> ClientConnection? {
        var second: Int?
        for offset in 0..<ready.count {
            var index = cursor + offset
            if index >= ready.count { index -= ready.count }
            guard ready[index].open < ready[index].limit else { continue }
            if ready[index].connection === avoided {
                second = index
                continue
            }
            return take(index)
        }
        return second.map { take($0) }
    }

    private mutating func take(_ index: Int) -> ClientConnection {
        ready[index].open += 1
        cursor = index + 1 < ready.count ? index + 1 : 0
        return ready[index].connection
    }

    func index(of connection: ClientConnection) -> Int? {
        ready.firstIndex { $0.connection === connection }
    }

    mutating func takeWaiting(for index: Int) -> [ClientCall] {
        guard !waiting.isEmpty else { return [] }
        let calls = waiting.take(ready[index].room)
        ready[index].open += calls.count
        return calls
    }

    mutating func record(_ ended: CallDispatcher.Ended, _ now: NIODeadline) -> Bool {
        guard
            breaker.record(good: ended.good, bad: ended.bad, lastFailure: ended.lastFailure, now: now)
        else { return false }
        updateStatus(status.connectivity)
        return true
    }

    func unreachable(_ target: GRPCTarget) -> GRPCStatus {
        GRPCStatus(
            .unavailable,
            "the server at \(target) cannot be reached since \(status.since): \(status.failure ?? "no connection"); "
                + "start it, or correct the target")
    }

    mutating func updateStatus(_ connectivity: GRPCChannelStatus.Connectivity) {
        if status.connectivity == .shutDown { return }
        if status.connectivity != connectivity {
            status.connectivity = connectivity
            status.since = .now
        }
        status.connections = ready.count
        status.features = ready.dropFirst().reduce(ready.first?.features ?? 0) { $0 & $1.features }
        status.breaker = breaker.opening.map { .open(since: $0.since, reason: $0.reason) } ?? .closed
        if cursor >= ready.count { cursor = 0 }
        for watcher in watchers.values { watcher.yield(status) }
    }
}

extension GRPCStatus {
    static let shutDown = GRPCStatus(.unavailable, "the gRPC channel was shut down")
    static let unused = GRPCStatus(.ok, "")

    static func heldBack(_ target: GRPCTarget, _ opening: CircuitBreaker.Opening) -> GRPCStatus {
        GRPCStatus(
            .unavailable,
            "calls to \(target) are held back since \(opening.since), because \(opening.reason); "
                + "they go on when the server says that it serves")
    }
}
