// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
import NIOPosix
import Sockets
import Synchronization

/// The connections of a client to one origin, and the calls that wait for one.
final class OriginConnections: Sendable {
    fileprivate struct State {
        /// The one used last is at the end.
        var idle: [HTTPClientConnection] = []
        var all: [ObjectIdentifier: HTTPClientConnection] = [:]
        var connecting = 0
        var waiting = CircularBuffer<HTTPClientCall>()
        /// Calls in `waiting` that have not ended while they waited.
        var waitingCount = 0
        /// When the deadlines of those that wait are looked at next.
        var sweepAt = NIODeadline.distantFuture
        var isShutDown = false
        var closeWaiters: [CheckedContinuation<Void, Never>] = []

        var total: Int { all.count + connecting }
    }

    /// How often a call may meet a connection that its server has closed, before it fails.
    private static let maxLostConnections = 3

    let origin: HTTPOrigin
    let configuration: HTTPClientConfiguration
    let budget: ByteBudget
    private let security: HTTPClientSecurity
    private let group: any EventLoopGroup
    private let loops: Set<ObjectIdentifier>
    private let logger: Logger
    private let state = Mutex(State())

    init(
        origin: HTTPOrigin, configuration: HTTPClientConfiguration, security: HTTPClientSecurity,
        group: any EventLoopGroup, budget: ByteBudget, logger: Logger
    ) {
        self.origin = origin
        self.configuration = configuration
        self.security = security
        self.group = group
        loops = Set(group.makeIterator().map { ObjectIdentifier($0) })
        self.budget = budget
        self.logger = logger
    }

    /// What to do with a call.
    private enum Way {
        case send(HTTPClientConnection)
        case wait(opens: Bool)
        case fail(HTTPClientError)
    }

    /// Sends a call on a connection, or lets it wait for one.
    func submit(_ call: HTTPClientCall) {
        let home = currentLoop
        let way = state.withLock { state -> Way in
            if state.isShutDown { return .fail(shutDownError) }
            // One on the caller's own thread costs no other.
            if let home, let index = state.idle.lastIndex(where: { $0.eventLoop === home }) {
                return .send(state.idle.remove(at: index))
            }
            let mayOpen = state.total < configuration.maxConnectionsPerOrigin
            if home == nil || !mayOpen, let connection = state.idle.popLast() { return .send(connection) }
            guard state.waitingCount < configuration.maxWaitingRequests else {
                return .fail(
                    HTTPClientError(
                        .busy,
                        "\(state.waitingCount) requests wait for a connection to \(origin); it is too slow, or asked too "
                            + "much of",
                        isUnsent: true))
            }
            return .wait(opens: state.enqueue(call, mayOpen: mayOpen))
        }
        switch way {
        case .send(let connection):
            connection.start(call)
        case .wait(let opens):
            if opens { open(near: home) }
            watchWaiting(call)
        case .fail(let error):
            call.fail(error)
        }
    }

    /// A connection has nothing to do: the next call that waits is for it.
    func idle(_ connection: HTTPClientConnection) {
        let (next, closes) = state.withLock { state -> (HTTPClientCall?, Bool) in
            guard state.all[ObjectIdentifier(connection)] != nil else { return (nil, false) }
            if let call = state.dequeue() { return (call, false) }
            if state.isShutDown { return (nil, true) }
            state.idle.append(connection)
            return (nil, false)
        }
        if let next { connection.start(next) }
        if closes { connection.close(unlessBusy: true) }
    }

    /// A connection has not been used for long: it is closed, unless somebody has just taken it.
    func retire(_ connection: HTTPClientConnection) {
        let isIdle = state.withLock { state in
            guard let index = state.idle.firstIndex(where: { $0 === connection }) else { return false }
            state.idle.remove(at: index)
            return true
        }
        if isIdle { connection.close(unlessBusy: true) }
    }

    /// A connection is gone.
    func remove(_ connection: HTTPClientConnection) {
        let (opens, waiters) = state.withLock { state in
            state.all[ObjectIdentifier(connection)] = nil
            state.idle.removeAll { $0 === connection }
            return (state.opensForWaiting(configuration), state.takeCloseWaiters())
        }
        if opens { open(near: nil) }
        for waiter in waiters { waiter.resume() }
    }

    /// A call was given to a connection that is closed, and is sure not to have been served.
    func lost(_ call: HTTPClientCall, on connection: HTTPClientConnection) {
        remove(connection)
        let opens = state.withLock { state -> Bool? in
            call.lostConnections += 1
            guard call.lostConnections <= Self.maxLostConnections, !state.isShutDown else { return nil }
            return state.enqueue(call, mayOpen: state.total < configuration.maxConnectionsPerOrigin)
        }
        guard let opens else {
            call.fail(
                HTTPClientError(
                    .connectionLost, "\(origin) closes connections as soon as they are used; see the server's log",
                    isUnsent: true))
            return
        }
        if opens { open(near: nil) }
        watchWaiting(call)
    }

    /// A call that waits ends at its deadline, too: sees to it that somebody looks then.
    private func watchWaiting(_ call: HTTPClientCall) {
        guard let deadline = call.deadline else { return }
        let isFirst = state.withLock { state in
            guard deadline < state.sweepAt else { return false }
            state.sweepAt = deadline
            return true
        }
        if isFirst { (currentLoop ?? group.next()).scheduleTask(deadline: deadline) { self.endLateCalls() } }
    }

    private func endLateCalls() {
        let now = NIODeadline.now()
        let (late, next) = state.withLock { state in
            state.sweepAt = .distantFuture
            var late: [HTTPClientCall] = []
            var next: HTTPClientCall?
            for call in state.waiting where call.isWaiting {
                guard let deadline = call.deadline else { continue }
                if deadline <= now {
                    call.isWaiting = false
                    state.waitingCount -= 1
                    late.append(call)
                } else if next?.deadline.map({ deadline < $0 }) ?? true {
                    next = call
                }
            }
            return (late, next)
        }
        for call in late {
            call.fail(
                HTTPClientError(
                    .deadlineExceeded, "no connection to \(origin) was free, or could be made, within the time limit",
                    isUnsent: true))
        }
        if let next { watchWaiting(next) }
    }

    /// The event loop that this runs on, if it is one of ours.
    private var currentLoop: (any EventLoop)? {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop, loops.contains(ObjectIdentifier(loop)) else {
            return nil
        }
        return loop
    }

    /// A call has ended: it waits no more.
    func forget(_ call: HTTPClientCall) {
        state.withLock { state in
            guard call.isWaiting else { return }
            call.isWaiting = false
            state.waitingCount -= 1
        }
    }

    // MARK: Connecting

    private func open(near home: (any EventLoop)?) {
        let loop = home ?? group.next()
        connectPatiently(on: loop, until: .now() + TimeAmount(configuration.connectTimeout)).whenComplete { result in
            switch result {
            case .success(let connection):
                let isWanted = self.state.withLock { state in
                    state.connecting -= 1
                    guard !state.isShutDown else { return false }
                    state.all[ObjectIdentifier(connection)] = connection
                    return true
                }
                if isWanted { self.idle(connection) } else { connection.close(unlessBusy: false) }
                // One that was lost before it stood in the table has not left it.
                if connection.isClosed { self.remove(connection) }
            case .failure(let error):
                self.failed(error)
            }
        }
    }

    /// A connection could not be made: the call it was for ends, and all others when there is no other connection.
    private func failed(_ error: any Error) {
        let error =
            error as? HTTPClientError
            ?? HTTPClientError(
                .unreachable,
                "cannot connect to \(origin): \(ConnectionFailure.reason(error)); check the address, and that it runs",
                isUnsent: true)
        let (calls, waiters) = state.withLock { state -> ([HTTPClientCall], [CheckedContinuation<Void, Never>]) in
            state.connecting -= 1
            var calls: [HTTPClientCall] = []
            while let call = state.dequeue() {
                calls.append(call)
                if state.total > 0 { break }
            }
            return (calls, state.takeCloseWaiters())
        }
        for call in calls { call.fail(error) }
        for waiter in waiters { waiter.resume() }
    }

    /// A Unix socket whose queue of connections is full says so at once, where TCP would wait: it is asked again.
    private func connectPatiently(
        on loop: any EventLoop, until deadline: NIODeadline
    ) -> EventLoopFuture<HTTPClientConnection> {
        connect(on: loop).flatMapError { error in
            let again = NIODeadline.now() + .milliseconds(Int64.random(in: 2...10))
            guard self.origin.unixSocket != nil, (error as? IOError)?.errnoCode == EAGAIN, again < deadline else {
                return loop.makeFailedFuture(error)
            }
            return loop.flatScheduleTask(deadline: again) {
                self.connectPatiently(on: loop, until: deadline)
            }.futureResult
        }
    }

    private func connect(on loop: any EventLoop) -> EventLoopFuture<HTTPClientConnection> {
        let origin = origin
        let prepare = security.prepareChannel
        if origin.scheme == .https, prepare == nil {
            return loop.makeFailedFuture(
                HTTPClientError(
                    .unreachable, "\(origin) is asked for with https, and there are no TLS settings for it",
                    isUnsent: true))
        }
        let isTCP = origin.unixSocket == nil
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            // A stream that a server keeps open may be silent for as long as it likes; a server that is gone is not.
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isTCP { try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1) }
                    if origin.scheme == .https { try prepare?(channel, origin) }
                    try HTTPClientConnection(channel: channel, connections: self).install()
                }
            }
        let channel: EventLoopFuture<any Channel>
        if let path = origin.unixSocket {
            channel = bootstrap.connect(unixDomainSocketPath: path)
        } else if let address = try? SocketAddress(ipAddress: origin.host, port: origin.port) {
            channel = bootstrap.connect(to: address)
        } else {
            channel = bootstrap.connect(host: origin.host, port: origin.port)
        }
        return channel.flatMapThrowing { channel in
            try channel.pipeline.syncOperations.handler(type: HTTPClientConnection.self)
        }
    }

    // MARK: Shutdown

    private var shutDownError: HTTPClientError {
        HTTPClientError(.shutDown, "the client for \(origin) is shut down", isUnsent: true)
    }

    /// Takes no more calls, lets those that are open end until `deadline`, and returns when all connections are closed.
    func shutDown(deadline: NIODeadline) async {
        let (calls, connections) = state.withLock { state in
            state.isShutDown = true
            var calls: [HTTPClientCall] = []
            while let call = state.dequeue() { calls.append(call) }
            return (calls, Array(state.all.values))
        }
        for call in calls { call.fail(shutDownError) }
        for connection in connections { connection.close(unlessBusy: true) }
        let end = group.next().scheduleTask(deadline: deadline) {
            for connection in self.state.withLock({ Array($0.all.values) }) { connection.end(self.shutDownError) }
        }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.total == 0 { return true }
                state.closeWaiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        end.cancel()
    }
}

extension OriginConnections.State {
    /// Lets a call wait; true when a connection is to be opened for it.
    mutating func enqueue(_ call: HTTPClientCall, mayOpen: Bool) -> Bool {
        call.isWaiting = true
        waiting.append(call)
        waitingCount += 1
        guard mayOpen, connecting < waitingCount else { return false }
        connecting += 1
        return true
    }

    /// The call that has waited longest and has not ended.
    mutating func dequeue() -> HTTPClientCall? {
        while let call = waiting.popFirst() {
            guard call.isWaiting else { continue }
            call.isWaiting = false
            waitingCount -= 1
            if !call.isOver { return call }
        }
        return nil
    }

    /// Whether a connection is to be opened because one is gone and calls wait.
    mutating func opensForWaiting(_ configuration: HTTPClientConfiguration) -> Bool {
        guard !isShutDown, connecting < waitingCount, total < configuration.maxConnectionsPerOrigin else {
            return false
        }
        connecting += 1
        return true
    }

    mutating func takeCloseWaiters() -> [CheckedContinuation<Void, Never>] {
        guard isShutDown, total == 0 else { return [] }
        defer { closeWaiters = [] }
        return closeWaiters
    }
}
