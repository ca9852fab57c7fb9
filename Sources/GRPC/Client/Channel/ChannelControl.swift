// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import Sockets
import Synchronization

/// Keeps the connections of a channel: finds addresses, connects, connects again, asks for health.
///
/// `@unchecked Sendable`: every variable is read and written on `home`, one event loop of the group; connections, which live on
/// others, report there.
final class ChannelControl: @unchecked Sendable {
    let shared: ChannelShared
    let dispatcher: CallDispatcher
    let home: any EventLoop
    private let group: any EventLoopGroup
    private let resolver: AddressResolver

    private enum Phase { case idle, active, shutDown }

    private var phase = Phase.idle
    private var subchannels: [Subchannel] = []
    /// All connections that are not gone, those that only drain included.
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var isResolving = false
    private var resolveAgain = false
    private var resolvedAt = NIODeadline.uptimeNanoseconds(0)
    private var lookupFailure: String?
    private var lookupBackoff: Backoff
    private var resolveTimer: Scheduled<Void>?
    private var probeTimer: Scheduled<Void>?
    private var isProbing = false
    private var whenEmpty: [EventLoopPromise<Void>] = []

    /// Failures close together look a name up once.
    private static let resolvePause = TimeAmount.seconds(1)
    /// A connection that lived this long was a good one: the next is made at once.
    private static let goodLife = TimeAmount.seconds(1)

    init(
        shared: ChannelShared, dispatcher: CallDispatcher, group: any EventLoopGroup, home: any EventLoop,
        resolver: AddressResolver
    ) {
        self.shared = shared
        self.dispatcher = dispatcher
        self.group = group
        self.home = home
        self.resolver = resolver
        lookupBackoff = Backoff(
            first: shared.configuration.reconnectDelay, most: shared.configuration.maxReconnectDelay)
    }

    private var configuration: GRPCChannelConfiguration { shared.configuration }

    /// Begins to connect; does nothing the second time.
    func start() {
        guard phase == .idle else { return }
        phase = .active
        dispatcher.connecting()
        switch shared.target.location {
        case .addresses(let addresses): use(addresses)
        case .name: resolve()
        }
    }

    // MARK: Addresses

    private func resolve() {
        guard phase == .active, case .name(let host, let port) = shared.target.location else { return }
        guard !isResolving else {
            resolveAgain = true
            return
        }
        isResolving = true
        resolvedAt = .now()
        resolveTimer?.cancel()
        let resolver = resolver
        let promise = home.makePromise(of: [SocketAddress].self)
        promise.completeWithTask { try await resolver.lookUp(host, port) }
        promise.futureResult.whenComplete { self.resolved($0) }
    }

    private func resolved(_ result: Result<[SocketAddress], any Error>) {
        isResolving = false
        guard phase == .active else { return }
        var next = configuration.resolveInterval.map { TimeAmount($0) }
        switch result {
        case .success(let addresses) where !addresses.isEmpty:
            lookupFailure = nil
            lookupBackoff.reset()
            use(addresses)
        case .success, .failure:
            var reason = "\(shared.target) has no address"
            if case .failure(let error) = result { reason = "\(error)" }
            if lookupFailure == nil {
                shared.logger.warning(
                    "Could not look up the addresses of a gRPC server",
                    metadata: ["target": "\(shared.target)", "error": "\(reason)"])
            }
            lookupFailure = reason
            // The addresses that were found before may still be good.
            if subchannels.isEmpty { next = lookupBackoff.delay() }
            evaluate()
        }
        if resolveAgain {
            resolveAgain = false
            next = min(next ?? Self.resolvePause, Self.resolvePause)
        }
        if let next { resolveTimer = home.scheduleTask(in: next) { self.resolve() } }
    }

    /// A connection has failed: the name may have other addresses by now.
    private func resolveSoon() {
        guard case .name = shared.target.location, !isResolving else { return }
        let earliest = resolvedAt + Self.resolvePause
        guard earliest > .now() else {
            resolve()
            return
        }
        resolveTimer?.cancel()
        resolveTimer = home.scheduleTask(deadline: earliest) { self.resolve() }
    }

    private func use(_ addresses: [SocketAddress]) {
        for subchannel in subchannels where !addresses.contains(subchannel.address) { drop(subchannel) }
        subchannels.removeAll { $0.isGone }
        let known = subchannels.map(\.address)
        for address in addresses where !known.contains(address) {
            for eventLoop in eventLoops {
                let subchannel = Subchannel(address, on: eventLoop, configuration)
                subchannels.append(subchannel)
                connect(subchannel)
            }
        }
        evaluate()
    }

    /// Where the connections to one address live: on all event loops, or on the next of them.
    private var eventLoops: [any EventLoop] {
        guard let count = configuration.connections else { return Array(group.makeIterator()) }
        return (0..<max(1, count)).map { _ in group.next() }
    }

    private func drop(_ subchannel: Subchannel) {
        subchannel.isGone = true
        subchannel.retry?.cancel()
        guard let connection = subchannel.connection.take() else { return }
        connection.eventLoop.execute { connection.shutDown(deadline: .distantFuture) }
    }

    /// Tells the dispatcher when there is nothing left to wait for.
    private func evaluate() {
        guard phase == .active, !subchannels.contains(where: \.isReady) else { return }
        if subchannels.isEmpty {
            if let lookupFailure { dispatcher.unreachable(lookupFailure) }
        } else if subchannels.allSatisfy(\.hasFailed) {
            var reasons: [String] = []
            for subchannel in subchannels {
                let reason =
                    subchannels.count == 1 ? subchannel.lastFailure : "\(subchannel.name): \(subchannel.lastFailure)"
                if !reasons.contains(reason) { reasons.append(reason) }
            }
            dispatcher.unreachable(reasons.prefix(4).joined(separator: "; "))
        }
    }

    // MARK: Connecting

    private func connect(_ subchannel: Subchannel) {
        let attempt = ConnectionAttempt()
        let bound = NIOLoopBound(subchannel, eventLoop: home)
        let name = subchannel.name
        let keepaliveTime = subchannel.keepaliveTime
        let timeout = configuration.connectTimeout
        ClientBootstrap(group: subchannel.eventLoop)
            .connectTimeout(TimeAmount(timeout))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = ClientConnection(
                        channel: channel, shared: shared, dispatcher: dispatcher, peer: name,
                        keepaliveTime: keepaliveTime
                    ) { connection, event in
                        self.home.execute { self.connection(connection, bound.value, did: event) }
                    }
                    attempt.connection.withLock { $0 = connection }
                    self.home.execute { self.made(connection, bound.value) }
                    try shared.security.prepareChannel(channel, shared.target)
                    try connection.install()
                }
            }
            .connect(to: subchannel.address)
            .whenFailure { error in
                let reason = ConnectionFailure.reason(error)
                guard let connection = attempt.connection.withLock({ $0 }) else {
                    self.home.execute { self.failed(bound.value, reason, wasReady: false) }
                    return
                }
                connection.eventLoop.execute { connection.end(reason) }
            }
    }

    private func made(_ connection: ClientConnection, _ subchannel: Subchannel) {
        connections[ObjectIdentifier(connection)] = connection
        connection.channel.closeFuture.hop(to: home).whenComplete { _ in self.forget(connection) }
        if phase == .active, !subchannel.isGone {
            subchannel.connection = connection
        } else {
            connection.eventLoop.execute { connection.shutDown(deadline: .now()) }
        }
    }

    private func forget(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = nil
        guard connections.isEmpty else { return }
        for waiter in whenEmpty { waiter.succeed() }
        whenEmpty = []
    }

    private func connection(_ connection: ClientConnection, _ subchannel: Subchannel, did event: ClientConnection.Event)
    {
        // Of a connection that only drains nothing more need be known.
        guard subchannel.connection === connection, phase == .active else { return }
        switch event {
        case .ready:
            subchannel.isReady = true
            shared.logger.debug("Connected to a gRPC server", metadata: metadata(subchannel))
            subchannel.hasFailed = false
            subchannel.readySince = .now()
            if dispatcher.isBreakerOpen { probe() }
        case .draining(let isScolded, let hasServed):
            subchannel.connection = nil
            if isScolded { subchannel.keepaliveTime = subchannel.keepaliveTime.map { $0 * 2 } }
            let reason = "the server asked for another connection"
            failed(subchannel, reason, wasReady: subchannel.isReady, wasGood: hasServed && !isScolded)
        case .closed(let reason, let wasReady):
            subchannel.connection = nil
            failed(subchannel, reason, wasReady: wasReady)
        }
    }

    /// A connection is to be replaced: at once after a good life, else after a while.
    private func failed(_ subchannel: Subchannel, _ reason: String, wasReady: Bool, wasGood: Bool = false) {
        subchannel.isReady = false
        guard phase == .active, !subchannel.isGone else { return }
        subchannel.lastFailure = reason
        if wasReady, wasGood || subchannel.readySince + Self.goodLife <= .now() {
            subchannel.backoff.reset()
            shared.logger.debug("A connection to a gRPC server ended", metadata: metadata(subchannel))
            connect(subchannel)
        } else {
            let level: Logger.Level = wasReady || subchannel.hasFailed ? .debug : .warning
            shared.logger.log(level: level, "Could not connect to a gRPC server", metadata: metadata(subchannel))
            if !wasReady { subchannel.hasFailed = true }
            let bound = NIOLoopBound(subchannel, eventLoop: home)
            subchannel.retry = home.scheduleTask(in: subchannel.backoff.delay()) {
                guard self.phase == .active, !bound.value.isGone else { return }
                self.connect(bound.value)
            }
        }
        resolveSoon()
        evaluate()
    }

    private func metadata(_ subchannel: Subchannel) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["target": "\(shared.target)", "address": "\(subchannel.name)"]
        if !subchannel.isReady { metadata["reason"] = "\(subchannel.lastFailure)" }
        return metadata
    }

    // MARK: Health

    /// Does what the dispatcher needs.
    func fulfil(_ need: CallDispatcher.Need) {
        switch need {
        case .connect: start()
        case .probe: breakerOpened()
        }
    }

    /// The dispatcher sends no more calls, until the server says that it serves.
    private func breakerOpened() {
        let status = dispatcher.status
        guard phase == .active, case .open(_, let reason) = status.breaker else { return }
        shared.logger.warning(
            "Holding back calls to a gRPC server", metadata: ["target": "\(shared.target)", "reason": "\(reason)"])
        scheduleProbe()
    }

    private func scheduleProbe() {
        guard phase == .active, probeTimer == nil, !isProbing else { return }
        var backoff = Backoff(first: configuration.breaker.probeInterval, most: configuration.breaker.probeInterval)
        probeTimer = home.scheduleTask(in: backoff.delay()) { self.probe() }
    }

    private func probe() {
        probeTimer?.cancel()
        probeTimer = nil
        guard phase == .active, !isProbing, dispatcher.isBreakerOpen else { return }
        guard let connection = dispatcher.anyConnection else {
            // There is nobody to ask; the next connection that is made is asked at once.
            scheduleProbe()
            return
        }
        isProbing = true
        let caller = GRPCConnectionCaller(connection: connection, timeout: configuration.breaker.probeTimeout)
        let probe = HealthProbe(fallbacks: configuration.breaker.healthFallbacks) {
            (path, message) async throws(GRPCStatus) in
            try await caller.unary(path, message)
        }
        home.makeFutureWithTask { await probe.isServing() }.whenComplete { result in
            self.isProbing = false
            guard self.phase == .active else { return }
            if case .success(true) = result {
                self.dispatcher.closeBreaker()
                self.shared.logger.info(
                    "A gRPC server serves again", metadata: ["target": "\(self.shared.target)"])
            } else {
                self.scheduleProbe()
            }
        }
    }

    // MARK: The end

    /// Ends all connections, each with its last call or at the deadline.
    func shutDown(deadline: NIODeadline) -> EventLoopFuture<Void> {
        let done = home.makePromise(of: Void.self)
        phase = .shutDown
        dispatcher.shutDown()
        resolveTimer?.cancel()
        probeTimer?.cancel()
        for subchannel in subchannels {
            subchannel.isGone = true
            subchannel.retry?.cancel()
            subchannel.connection = nil
        }
        subchannels = []
        for connection in connections.values {
            connection.eventLoop.execute { connection.shutDown(deadline: deadline) }
        }
        if connections.isEmpty { done.succeed() } else { whenEmpty.append(done) }
        return done.futureResult
    }
}

/// A connection that may come of an attempt to connect.
private final class ConnectionAttempt: Sendable {
    let connection = Mutex<ClientConnection?>(nil)
}
