// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Watching

/// Gives calls to connections in turn, lets them wait in order when there is no room, and refuses them while it makes no sense.
///
/// One lock, taken once when a call begins and once for all calls that end in one burst. What follows from a decision is done
/// outside the lock.
final class CallDispatcher: Sendable {
    /// Calls of a connection that have ended.
    struct Ended {
        var freed: Int
        var good: Int
        var bad: Int
        var lastFailure: String
    }

    /// What the dispatcher needs done.
    enum Need: Sendable {
        /// The first call has come: connect.
        case connect
        /// The breaker has opened: ask for the server's health from time to time.
        case probe
    }

    private let state: Mutex<DispatchState>
    /// What all connections have in common, for those who look at every call.
    private let commonFeatures = Atomic<UInt64>(0)
    private let target: GRPCTarget
    private let configuration: GRPCChannelConfiguration
    private let home: any EventLoop
    /// Called when something is to be done by whoever keeps the connections.
    private let need: @Sendable (Need) -> Void

    init(
        target: GRPCTarget, configuration: GRPCChannelConfiguration, home: any EventLoop,
        need: @escaping @Sendable (Need) -> Void
    ) {
        self.target = target
        self.configuration = configuration
        self.home = home
        self.need = need
        state = Mutex(DispatchState(breaker: CircuitBreaker(configuration.breaker, now: .now())))
    }

    // MARK: Calls

    /// Starts a call, lets it wait, or ends it.
    ///
    /// - Parameter connection: one that the call should not get again, if there is another.
    func dispatch(_ call: ClientCall, avoiding connection: ClientConnection? = nil) {
        let loop = MultiThreadedEventLoopGroup.currentEventLoop
        let decision = state.withLock {
            $0.decide(call, on: loop, avoiding: connection, configuration.maxWaitingCalls, target)
        }
        switch decision {
        case .start(let connection): connection.submit(call)
        case .wait(let deadline, let isFirst):
            if let deadline { scheduleTimer(deadline) }
            if isFirst { need(.connect) }
        case .refuse(let status): call.finish(.failure(status))
        }
    }

    /// Cancels a call wherever it is.
    func cancel(_ call: ClientCall) {
        let (isFirst, connection) = call.cancel()
        guard isFirst else { return }
        if let connection {
            connection.abandon(call)
        } else {
            state.withLock { $0.waiting.forget(call) }
        }
    }

    /// Takes note of calls that ended, and returns those that may start on the connection now.
    func ended(_ ended: Ended, on connection: ClientConnection) -> [ClientCall] {
        let now = NIODeadline.now()
        let (next, opened) = state.withLock { state -> ([ClientCall], Bool) in
            let opened = state.record(ended, now)
            guard let place = state.place(of: connection) else { return ([], opened) }
            state[place].open -= ended.freed
            return (state.takeWaiting(for: place), opened)
        }
        if opened { need(.probe) }
        return next
    }

    private func scheduleTimer(_ deadline: NIODeadline) {
        home.scheduleTask(deadline: deadline) { self.expire() }
    }

    /// Ends the waiting calls whose deadlines have passed.
    private func expire() {
        let now = NIODeadline.now()
        let (expired, next) = state.withLock { state in
            let expired = state.waiting.takeExpired(now)
            let next = state.waiting.earliestDeadline
            state.timerAt = next ?? .distantFuture
            return (expired, next)
        }
        let key = GRPCChannelConfiguration.key("connections")
        let status = GRPCStatus(
            .deadlineExceeded,
            "the deadline of the call passed while it waited for a connection to \(target) with room; "
                + "give it more time, or raise \(key)")
        for call in expired { call.finish(.failure(status)) }
        if let next { scheduleTimer(max(next, now + .milliseconds(1))) }
    }

    // MARK: Connections

    /// Adds a connection that takes calls, and returns those that may start on it now.
    func add(_ connection: ClientConnection, limit: Int, features: UInt64) -> [ClientCall] {
        state.withLock { state in
            let place = state.add(DispatchState.Ready(connection: connection, features: features, limit: limit))
            state.status.generation += 1
            state.status.failure = nil
            state.updateStatus(.ready)
            commonFeatures.store(state.status.features, ordering: .relaxed)
            return state.takeWaiting(for: place)
        }
    }

    /// Changes how many calls a connection takes.
    func setLimit(_ limit: Int, of connection: ClientConnection) {
        let next = state.withLock { state -> [ClientCall] in
            guard let place = state.place(of: connection) else { return [] }
            state[place].limit = limit
            return state.takeWaiting(for: place)
        }
        for call in next { connection.submit(call) }
    }

    /// A connection takes no more calls.
    func remove(_ connection: ClientConnection) {
        state.withLock { state in
            guard let place = state.place(of: connection) else { return }
            state.remove(place)
            // Another is being made; whether it can be is not known yet.
            state.updateStatus(state.peers.isEmpty ? .connecting : .ready)
            commonFeatures.store(state.status.features, ordering: .relaxed)
        }
    }

    /// Connecting has begun: from now on calls wait for it.
    func connecting() {
        state.withLock { state in
            if state.status.connectivity == .idle { state.updateStatus(.connecting) }
        }
    }

    /// No address can be reached: calls that wait, and those that come, end.
    func unreachable(_ reason: String) {
        let (refused, status) = state.withLock { state -> ([ClientCall], GRPCStatus) in
            guard state.peers.isEmpty, state.status.connectivity != .shutDown else { return ([], .unused) }
            state.status.failure = reason
            state.updateStatus(.transientFailure)
            return (state.waiting.takeAll(), state.unreachable(target))
        }
        for call in refused { call.finish(.failure(status)) }
    }

    /// Takes no more calls.
    func shutDown() {
        let refused = state.withLock { state in
            state.removeAll()
            state.updateStatus(.shutDown)
            state.watchers.finish()
            return state.waiting.takeAll()
        }
        for call in refused { call.finish(.failure(.shutDown)) }
    }

    /// The server says that it serves.
    func closeBreaker() {
        state.withLock { state in
            state.breaker.close(now: .now())
            state.updateStatus(state.status.connectivity)
        }
    }

    // MARK: Looking

    /// A connection that takes calls, if there is one.
    var anyConnection: ClientConnection? {
        state.withLock { $0.anyConnection() }
    }

    var features: UInt64 { commonFeatures.load(ordering: .relaxed) }

    var isBreakerOpen: Bool { state.withLock { $0.breaker.opening != nil } }

    var status: GRPCChannelStatus { state.withLock { $0.status } }

    /// How many calls are open and how many wait.
    var counts: (open: Int, waiting: Int) {
        state.withLock { state in (state.ready.reduce(0) { $0 + $1.open }, state.waiting.count) }
    }

    /// The status now and whenever it changes; a slow watcher gets the latest only.
    func statusUpdates() -> AsyncStream<GRPCChannelStatus> {
        state.withLock { $0.watchers.add($0.status) }
    }
}
