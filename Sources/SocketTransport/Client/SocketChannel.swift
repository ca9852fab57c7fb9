// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Logging
package import NIOCore
import NIOPosix
package import PluginWire
package import Sockets
import Synchronization
import Watching

/// The way to one raw socket server, ours or ContextForge's: a pool of connections.
///
/// A server of ours gets one connection from each event loop, which carries any number of calls; a caller that runs on an event loop
/// uses its loop's. Any other server gets connections as they are needed, with one call each. While the first connection, or one after
/// the loss of the last, is being made, calls wait; when as many attempts have failed as configured, they end at once, and connecting
/// is tried on.
package final class SocketChannel: Sendable {
    /// The path of the server's socket.
    package let path: String
    private let configuration: SocketChannelConfiguration
    private let eventLoopGroup: any EventLoopGroup
    private let controlLoop: any EventLoop
    private let budget: ByteBudget
    private let logger: Logger
    private let state: Mutex<State>
    /// The pool's, for those who look at every call.
    private let knownFeatures = Atomic<UInt64>(0)

    private struct State {
        var pool: SocketPool
        /// All connections whose channel is not closed, greeting ones included.
        var open: [ObjectIdentifier: SocketClientConnection] = [:]
        var watchers = Watchers<SocketChannelStatus>()
        var isRetryScheduled = false
        var enders: [CheckedContinuation<Void, Never>] = []
    }

    /// A connection that ended sooner than this was of no use: making another waits a while.
    private static let usefulAge = TimeAmount.seconds(1)

    /// Makes a channel that connects when it is told to, or called.
    package init(
        path: String, configuration: SocketChannelConfiguration = SocketChannelConfiguration(),
        eventLoopGroup: any EventLoopGroup, budget: ByteBudget, logger: Logger
    ) {
        self.path = path
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
        controlLoop = eventLoopGroup.next()
        self.budget = budget
        self.logger = logger
        state = Mutex(State(pool: SocketPool(path: path, limits: configuration)))
    }

    // MARK: Looking

    /// How the way there is.
    package var status: SocketChannelStatus { state.withLock { $0.pool.status } }

    /// What may be sent beyond the contract, as the last connection told.
    package var features: WireFeatures { WireFeatures(rawValue: knownFeatures.load(ordering: .relaxed)) }

    /// The connections there are, those that are being made included.
    package var connectionCount: Int { state.withLock { $0.open.count } }

    /// How the way there is, now and whenever that changes.
    package func statusUpdates() -> AsyncStream<SocketChannelStatus> {
        state.withLock { $0.watchers.add($0.pool.status) }
    }

    /// Does something with the pool, and tells whoever watches when its status has become another.
    private func update<Result>(_ body: (inout State) -> sending Result) -> sending Result {
        state.withLock { state in
            let before = state.pool.status
            let result = body(&state)
            let after = state.pool.status
            if before != after { state.watchers.tell(after) }
            return result
        }
    }

    // MARK: Calling

    /// The longest message that is sent, in bytes.
    package var longestRequest: Int { configuration.maximumRequestSize }

    /// Makes a call.
    ///
    /// Cancelling the caller's task ends it at once.
    ///
    /// - Parameters:
    ///   - kind: What is asked for.
    ///   - request: The message.
    ///   - timeout: How long the caller waits, for a connection included.
    package func call(
        _ kind: TaggedFrame.Kind, _ request: ByteBuffer, timeout: Duration
    ) async throws(SocketCallFailure) -> ByteBuffer {
        guard request.readableBytes <= longestRequest else {
            throw SocketCallFailure(
                .tooLong,
                "the request has \(request.readableBytes) bytes, and may have \(configuration.maximumRequestSize); send less, or "
                    + "raise gatehouse.unix_socket_client.max_request_size")
        }
        guard budget.reserve(request.readableBytes) else {
            throw SocketCallFailure(
                .unavailable,
                "the process holds as many bytes of messages as it may (\(budget.limit)); try again later, or raise "
                    + "gatehouse.memory_budget")
        }
        guard timeout > .zero else {
            budget.release(request.readableBytes)
            throw SocketCallFailure(.timeout, "the call's time was over before it began")
        }
        let call = SocketClientCall(
            kind: kind, request: request, deadline: .now() + TimeAmount(timeout), budget: budget)
        let outcome = await withTaskCancellationHandler {
            dispatch(call)
            return await call.outcome()
        } onCancel: {
            cancel(call)
        }
        return try outcome.get()
    }

    private func cancel(_ call: SocketClientCall) {
        let (isFirst, connection) = call.cancel()
        guard isFirst else { return }
        forget(call)
        connection?.letGo(call)
    }

    /// Finds a connection for a call, or lets it wait for one.
    func dispatch(_ call: SocketClientCall) {
        let loop = MultiThreadedEventLoopGroup.currentEventLoop
        let decision = state.withLock { $0.pool.place(call, near: loop) }
        switch decision {
        case .send(let connection):
            connection.submit(call)
        case .wait(let opensAnother):
            let timer = controlLoop.scheduleTask(deadline: call.deadline) {
                if call.finish(.failure(SocketCallFailure(.timeout, "no connection became free in time"))) {
                    self.forget(call)
                }
            }
            let waits = state.withLock { _ in
                if call.isWaiting { call.waitTimer = timer }
                return call.isWaiting
            }
            if !waits { timer.cancel() }
            if opensAnother { open(on: eventLoopGroup.next()) } else { connect() }
        case .fail(let failure):
            call.finish(.failure(failure))
        }
    }

    private func forget(_ call: SocketClientCall) {
        let timer = state.withLock { state in
            state.pool.forget(call)
            defer { call.waitTimer = nil }
            return call.waitTimer
        }
        timer?.cancel()
    }

    /// Calls that waited go on.
    private func send(_ calls: [SocketClientCall], over connection: SocketClientConnection) {
        for call in calls {
            stopWaiting(call)
            connection.submit(call)
        }
    }

    private func stopWaiting(_ call: SocketClientCall) {
        let timer = state.withLock { _ in
            defer { call.waitTimer = nil }
            return call.waitTimer
        }
        timer?.cancel()
    }

    // MARK: Connecting

    /// Connects, unless that was begun.
    package func connect() {
        let begins = update { state in
            state.pool.status.connectivity == .idle && state.pool.beginConnecting()
        }
        if begins { open(on: controlLoop) }
    }

    /// Opens a connection that the pool has counted in.
    private func open(on eventLoop: any EventLoop) {
        let connection = SocketClientConnection(
            owner: self,
            environment: .init(path: path, limits: configuration, budget: budget, logger: logger),
            eventLoop: eventLoop)
        state.withLock { $0.open[ObjectIdentifier(connection)] = connection }
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelInitializer { channel in
                channel.closeFuture.whenComplete { _ in connection.channelClosed() }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .connect(unixDomainSocketPath: path)
            .whenFailure { error in connection.close(Self.describe(error)) }
    }

    private static func describe(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case ENOENT: "there is no such socket"
        case ECONNREFUSED: "nobody listens on the socket"
        case EACCES: "this user may not connect to the socket"
        default: ConnectionFailure.reason(error)
        }
    }

    /// A connection can be used.
    func connected(_ connection: SocketClientConnection) {
        let (calls, isFirst) = update { state in
            let (calls, isFirst) = state.pool.connected(connection)
            knownFeatures.store(state.pool.features.rawValue, ordering: .relaxed)
            return (calls, isFirst)
        }
        logger.debug(
            "connected to a raw socket server",
            metadata: ["path": "\(path)", "multiplexed": "\(connection.isMultiplexed)"])
        send(calls, over: connection)
        if isFirst { openMissing() }
        let another = state.withLock { $0.pool.beginAnotherForWaiting() }
        if another { open(on: eventLoopGroup.next()) }
    }

    /// A server of ours gets a connection from each event loop.
    private func openMissing() {
        let loops = Array(eventLoopGroup.makeIterator())
        let wanted = configuration.connections == 0 ? loops.count : configuration.connections
        let missing = update { state -> [any EventLoop] in
            let free = loops.filter { loop in !state.pool.sharedLoops.contains { $0 === loop } }
            let count = state.pool.missing(of: wanted)
            let chosen = (0..<count).map { free.isEmpty ? loops[$0 % loops.count] : free[$0 % free.count] }
            return chosen.filter { _ in state.pool.beginConnecting() }
        }
        for loop in missing { open(on: loop) }
    }

    /// A connection that carries one call at a time has none any more.
    func released(_ connection: SocketClientConnection) {
        guard let call = state.withLock({ $0.pool.released(connection) }) else { return }
        send([call], over: connection)
    }

    /// A connection takes no more calls.
    func retired(_ connection: SocketClientConnection) {
        let isLast = update { $0.pool.retired(connection) && !$0.pool.isConnected }
        if isLast { reconnect(after: .zero) }
    }

    /// A connection is gone, or never came about.
    func closed(_ connection: SocketClientConnection, because reason: String, beforeItOpened: Bool) {
        if beforeItOpened {
            let (calls, failures) = update { state in
                state.open[ObjectIdentifier(connection)] = nil
                return (state.pool.connectingFailed(reason), state.pool.failures)
            }
            logger.debug("cannot connect to a raw socket server", metadata: ["path": "\(path)", "reason": "\(reason)"])
            for call in calls {
                stopWaiting(call)
                let message =
                    "the server at \(path) cannot be reached (\(failures) attempts): \(reason); is the plugin server running?"
                call.finish(.failure(SocketCallFailure(.unavailable, message)))
            }
            retry(failures)
        } else {
            let isLast = update { state in
                state.open[ObjectIdentifier(connection)] = nil
                return state.pool.closed(connection)
            }
            let wasUseful = connection.age > Self.usefulAge
            if isLast {
                reconnect(after: wasUseful ? .zero : configuration.reconnectDelay)
            } else if connection.isMultiplexed {
                controlLoop.scheduleTask(in: Self.usefulAge) { self.openMissing() }
            }
        }
        finishShutdown()
    }

    private func retry(_ failures: Int) {
        var delay = configuration.reconnectDelay
        for _ in 1..<max(1, min(failures, 32)) where delay < configuration.maximumReconnectDelay { delay *= 2 }
        reconnect(after: max(.milliseconds(1), min(delay, configuration.maximumReconnectDelay)))
    }

    /// Connects anew after a while, unless there is a connection by then.
    private func reconnect(after delay: Duration) {
        let schedules = update { state in
            guard !state.isRetryScheduled, state.pool.status.connectivity != .shutDown else { return false }
            state.isRetryScheduled = true
            return true
        }
        guard schedules else { return }
        controlLoop.scheduleTask(in: TimeAmount(delay)) {
            let begins = self.update { state in
                state.isRetryScheduled = false
                return !state.pool.isConnected && !state.pool.isConnecting && state.pool.beginConnecting()
            }
            if begins { self.open(on: self.controlLoop) }
        }
    }

    // MARK: The end

    /// Ends all calls and closes all connections; returns when they are closed.
    package func shutDown() async {
        let (calls, connections) = update { state in (state.pool.shutDown(), Array(state.open.values)) }
        for call in calls {
            stopWaiting(call)
            call.finish(.failure(SocketCallFailure(.unavailable, "the client of \(path) was shut down")))
        }
        for connection in connections { connection.shutDown() }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.open.isEmpty { state.enders.append(continuation) }
                return state.open.isEmpty
            }
            if isOver { continuation.resume() }
        }
        state.withLock { $0.watchers.finish() }
    }

    private func finishShutdown() {
        let enders = state.withLock { state in
            guard state.open.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            defer { state.enders = [] }
            return state.enders
        }
        for ender in enders { ender.resume() }
    }
}
