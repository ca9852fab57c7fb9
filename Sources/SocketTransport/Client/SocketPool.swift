// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginWire
import Values

/// The connections of a channel and the calls that wait for one, and how it is decided which call goes where; without locks, timers
/// and effects.
struct SocketPool {
    /// What to do with a call.
    enum Decision {
        /// Hand it to this connection.
        case send(SocketClientConnection)
        /// It waits; open another connection, or not.
        case wait(opensAnother: Bool)
        /// It cannot be sent.
        case fail(SocketCallFailure)
    }

    private let path: String
    private let limits: SocketChannelConfiguration
    private(set) var status = SocketChannelStatus()
    /// Connections that carry any number of calls.
    private var shared: [SocketClientConnection] = []
    private var nextShared = 0
    /// Connections that carry one call at a time and have none; the one used last at the end.
    private var idle: [SocketClientConnection] = []
    /// Those that carry one call at a time, with or without one.
    private var plainCount = 0
    /// Connections being made.
    private var connecting = 0
    /// Attempts that failed since the last connection.
    private(set) var failures = 0
    private var waiting: [SocketClientCall] = []
    private var waitingHead = 0
    private var waitingCount = 0
    private(set) var features: WireFeatures = []

    init(path: String, limits: SocketChannelConfiguration) {
        self.path = path
        self.limits = limits
    }

    /// Whether calls can be sent.
    var isConnected: Bool { !shared.isEmpty || plainCount > 0 }

    /// Whether connections are being made.
    var isConnecting: Bool { connecting > 0 }

    // MARK: Calls

    /// Finds a connection for a call, on this event loop if there is one.
    mutating func place(_ call: SocketClientCall, near loop: (any EventLoop)?) -> Decision {
        if let connection = pick(near: loop) { return .send(connection) }
        switch status.connectivity {
        case .idle, .connecting, .ready:
            guard waitingCount < limits.maximumWaitingCalls else {
                return .fail(
                    SocketCallFailure(
                        .unavailable,
                        "\(waitingCount) calls wait for a connection to \(path), which is as many as may; try again later, or raise "
                            + "gatehouse.unix_socket_client.max_waiting_calls or max_connections"))
            }
            call.isWaiting = true
            waiting.append(call)
            waitingCount += 1
            let opensAnother =
                status.connectivity == .ready && connecting < waitingCount
                && plainCount + connecting < limits.maximumConnections
            if opensAnother { connecting += 1 }
            return .wait(opensAnother: opensAnother)
        case .failed:
            return .fail(SocketCallFailure(.unavailable, "\(unreachable); is the plugin server running?"))
        case .shutDown:
            return .fail(SocketCallFailure(.unavailable, "the client of \(path) was shut down"))
        }
    }

    /// Why there is no connection, and since when.
    var unreachable: String {
        "the server at \(path) cannot be reached since \(status.since): \(status.failure ?? "no connection")"
    }

    private mutating func pick(near loop: (any EventLoop)?) -> SocketClientConnection? {
        if !shared.isEmpty {
            if let loop, let near = shared.first(where: { $0.eventLoop === loop }) { return near }
            nextShared = (nextShared + 1) % shared.count
            return shared[nextShared]
        }
        if let loop, let near = idle.lastIndex(where: { $0.eventLoop === loop }) { return idle.remove(at: near) }
        return idle.popLast()
    }

    /// A call that waits has ended.
    mutating func forget(_ call: SocketClientCall) {
        guard call.isWaiting else { return }
        call.isWaiting = false
        waitingCount -= 1
        // Those who have left stand in the queue until they are met, or are too many.
        if waiting.count - waitingHead > 2 * waitingCount + 16 {
            waiting = waiting[waitingHead...].filter(\.isWaiting)
            waitingHead = 0
        }
    }

    private mutating func nextWaiting() -> SocketClientCall? {
        while waitingHead < waiting.count {
            let call = waiting[waitingHead]
            waitingHead += 1
            if waitingHead == waiting.count {
                waiting.removeAll(keepingCapacity: waiting.count < 1_024)
                waitingHead = 0
            }
            guard call.isWaiting else { continue }
            call.isWaiting = false
            waitingCount -= 1
            return call
        }
        return nil
    }

    private mutating func allWaiting() -> [SocketClientCall] {
        var calls: [SocketClientCall] = []
        while let call = nextWaiting() { calls.append(call) }
        return calls
    }

    // MARK: Connections

    /// Counts a connection in that is being made; false when there are enough.
    mutating func beginConnecting() -> Bool {
        guard status.connectivity != .shutDown else { return false }
        if !isConnected { become(.connecting) }
        connecting += 1
        return true
    }

    /// A connection can be used.
    ///
    /// - Returns: The calls that it is to begin with, and whether it is the first.
    mutating func connected(_ connection: SocketClientConnection) -> (calls: [SocketClientCall], isFirst: Bool) {
        connecting -= 1
        failures = 0
        let isFirst = !isConnected
        features = connection.features
        if isFirst { status.generation += 1 }
        become(.ready)
        if connection.isMultiplexed {
            shared.append(connection)
            return (allWaiting(), isFirst)
        }
        plainCount += 1
        if let call = nextWaiting() { return ([call], isFirst) }
        idle.append(connection)
        return ([], isFirst)
    }

    /// A connection that carries one call at a time has none any more.
    ///
    /// - Returns: The call that it is to go on with.
    mutating func released(_ connection: SocketClientConnection) -> SocketClientCall? {
        if let call = nextWaiting() { return call }
        idle.append(connection)
        return nil
    }

    /// A connection takes no more calls; false if that was known.
    mutating func retired(_ connection: SocketClientConnection) -> Bool {
        guard let index = shared.firstIndex(where: { $0 === connection }) else { return false }
        shared.remove(at: index)
        return true
    }

    /// A connection that could be used is gone; whether it was the last.
    mutating func closed(_ connection: SocketClientConnection) -> Bool {
        if connection.isMultiplexed {
            _ = retired(connection)
        } else {
            plainCount -= 1
            idle.removeAll { $0 === connection }
        }
        return !isConnected
    }

    /// A connection could not be made.
    ///
    /// - Returns: The calls that wait no more.
    mutating func connectingFailed(_ reason: String) -> [SocketClientCall] {
        connecting -= 1
        failures += 1
        guard !isConnected, status.connectivity != .shutDown else { return [] }
        status.failure = reason
        guard failures > limits.reconnectAttempts else { return [] }
        become(.failed)
        return allWaiting()
    }

    /// How many connections of a server of ours are missing.
    func missing(of wanted: Int) -> Int { shared.isEmpty ? 0 : max(0, wanted - shared.count - connecting) }

    /// The event loops that have a connection of a server of ours.
    var sharedLoops: [any EventLoop] { shared.map(\.eventLoop) }

    /// Whether more calls wait than connections are being made.
    mutating func beginAnotherForWaiting() -> Bool {
        guard shared.isEmpty, isConnected, connecting < waitingCount,
            plainCount + connecting < limits.maximumConnections
        else { return false }
        connecting += 1
        return true
    }

    /// Ends it for good.
    mutating func shutDown() -> [SocketClientCall] {
        become(.shutDown)
        return allWaiting()
    }

    private mutating func become(_ connectivity: SocketChannelStatus.Connectivity) {
        if connectivity == .ready { status.failure = nil }
        guard status.connectivity != connectivity, status.connectivity != .shutDown else { return }
        // To be tried again is not to be reachable: what failed has failed since then.
        if status.connectivity == .failed, connectivity == .connecting { return }
        status.connectivity = connectivity
        status.since = .now
    }
}
