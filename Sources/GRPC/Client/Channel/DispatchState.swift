// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Values
import Watching

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

    /// An address, with its connections that take calls.
    struct Peer {
        let name: String
        var ready: [Ready] = []
        private var cursor = 0

        init(name: String) {
            self.name = name
        }

        /// The connection with room for a call that begins on `loop`: the one that lives there, else the next.
        fileprivate mutating func choose(for loop: (any EventLoop)?, avoiding avoided: ClientConnection?) -> Int? {
            var next: Int?
            for offset in 0..<ready.count {
                var index = cursor + offset
                if index >= ready.count { index -= ready.count }
                guard ready[index].open < ready[index].limit, ready[index].connection !== avoided else { continue }
                guard let loop else {
                    next = index
                    break
                }
                if ready[index].connection.eventLoop === loop { return index }
                next = next ?? index
            }
            if let next { cursor = next + 1 < ready.count ? next + 1 : 0 }
            return next
        }

        fileprivate mutating func remove(at index: Int) {
            ready.remove(at: index)
            if cursor >= ready.count { cursor = 0 }
        }
    }

    /// Where a connection stands.
    struct Place {
        fileprivate let peer: Int
        fileprivate let index: Int
    }

    /// What becomes of a call.
    enum Decision {
        case start(ClientConnection)
        /// It waits; a timer must be set when its deadline is the first, and connecting begun for the first of all calls.
        case wait(timer: NIODeadline?, isFirst: Bool)
        case refuse(GRPCStatus)
    }

    private(set) var peers: [Peer] = []
    /// The address whose turn it is.
    private var cursor = 0
    var waiting = WaitingCalls()
    var breaker: CircuitBreaker
    var status = GRPCChannelStatus()
    var watchers = Watchers<GRPCChannelStatus>()
    /// When the timer of waiting calls goes off.
    var timerAt = NIODeadline.distantFuture

    init(breaker: CircuitBreaker) {
        self.breaker = breaker
    }

    mutating func decide(
        _ call: ClientCall, on loop: (any EventLoop)?, avoiding avoided: ClientConnection?, _ maxWaiting: Int,
        _ target: GRPCTarget
    ) -> Decision {
        // Of two reasons the plainer one.
        if status.connectivity == .transientFailure { return .refuse(unreachable(target)) }
        if let opening = breaker.opening { return .refuse(.heldBack(target, opening)) }
        // A call that was sent before goes ahead of those that have waited less.
        if waiting.isEmpty || avoided != nil, let connection = pick(for: loop, avoiding: avoided) {
            return .start(connection)
        }
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

    /// A connection with room: of the address whose turn it is, if it has one.
    private mutating func pick(for loop: (any EventLoop)?, avoiding avoided: ClientConnection?) -> ClientConnection? {
        for offset in 0..<peers.count {
            var peer = cursor + offset
            if peer >= peers.count { peer -= peers.count }
            guard let index = peers[peer].choose(for: loop, avoiding: avoided) else { continue }
            cursor = peer + 1 < peers.count ? peer + 1 : 0
            return take(Place(peer: peer, index: index))
        }
        guard let avoided, let place = place(of: avoided), self[place].room > 0 else { return nil }
        return take(place)
    }

    private mutating func take(_ place: Place) -> ClientConnection {
        self[place].open += 1
        return self[place].connection
    }

    // MARK: Connections

    subscript(place: Place) -> Ready {
        get { peers[place.peer].ready[place.index] }
        _modify { yield &peers[place.peer].ready[place.index] }
    }

    func place(of connection: ClientConnection) -> Place? {
        for (peer, entry) in peers.enumerated() {
            guard let index = entry.ready.firstIndex(where: { $0.connection === connection }) else { continue }
            return Place(peer: peer, index: index)
        }
        return nil
    }

    mutating func add(_ ready: Ready) -> Place {
        let name = ready.connection.peer
        let peer =
            peers.firstIndex { $0.name.isSame(as: name) }
            ?? {
                peers.append(Peer(name: name))
                return peers.count - 1
            }()
        peers[peer].ready.append(ready)
        return Place(peer: peer, index: peers[peer].ready.count - 1)
    }

    mutating func remove(_ place: Place) {
        peers[place.peer].remove(at: place.index)
        if peers[place.peer].ready.isEmpty { peers.remove(at: place.peer) }
        if cursor >= peers.count { cursor = 0 }
    }

    mutating func removeAll() { peers = [] }

    /// A connection that takes calls, each in its turn.
    mutating func anyConnection() -> ClientConnection? {
        guard !peers.isEmpty else { return nil }
        defer { cursor = cursor + 1 < peers.count ? cursor + 1 : 0 }
        return peers[cursor].ready.randomElement()?.connection
    }

    /// All connections that take calls.
    var ready: some Sequence<Ready> { peers.lazy.flatMap(\.ready) }

    mutating func takeWaiting(for place: Place) -> [ClientCall] {
        guard !waiting.isEmpty else { return [] }
        let calls = waiting.take(self[place].room)
        self[place].open += calls.count
        return calls
    }

    // MARK: What happens

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
        status.connections = peers.reduce(0) { $0 + $1.ready.count }
        status.features = peers.isEmpty ? 0 : ready.reduce(.max) { $0 & $1.features }
        status.breaker = breaker.opening.map { .open(since: $0.since, reason: $0.reason) } ?? .closed
        watchers.tell(status)
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
