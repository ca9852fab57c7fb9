// SPDX-License-Identifier: Apache-2.0

import Logging
import Sockets
import Synchronization

/// What all connections of a server share.
final class ServerState: Sendable {
    let methods: MethodTable
    let configuration: GRPCServerConfiguration
    let messageLimit: ByteLimit
    let budget: ByteBudget
    let logger: Logger

    /// Calls of unary and of streaming methods whose handler has not ended, cancelled ones included.
    let unaryCalls = Atomic<Int>(0)
    let streamingCalls = Atomic<Int>(0)
    let callsStarted = Atomic<Int>(0)

    private let registry = Mutex(Registry())

    private struct Registry {
        var connections: [ObjectIdentifier: ServerConnection] = [:]
        /// No new connections; those there are told to end.
        var draining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    init(methods: MethodTable, configuration: GRPCServerConfiguration, budget: ByteBudget, logger: Logger) {
        self.methods = methods
        self.configuration = configuration
        self.budget = budget
        self.logger = logger
        messageLimit = ByteLimit(
            bytes: configuration.maxMessageSize,
            key: GRPCServerConfiguration.key("max_message_size"),
            side: .server
        )
    }

    var connectionCount: Int { registry.withLock { $0.connections.count } }

    /// Enters a new connection; false when there are too many, or the server is ending.
    func admit(_ connection: ServerConnection) -> Bool {
        registry.withLock { registry in
            guard !registry.draining, registry.connections.count < configuration.maxConnections else { return false }
            registry.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    /// A connection is closed and the last of its calls has ended.
    func ended(_ connection: ServerConnection) {
        let waiters = registry.withLock { registry -> [CheckedContinuation<Void, Never>] in
            registry.connections[ObjectIdentifier(connection)] = nil
            guard registry.connections.isEmpty else { return [] }
            defer { registry.waiters = [] }
            return registry.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets no new connection in, and returns those there are.
    func startDraining() -> [ServerConnection] {
        registry.withLock { registry in
            registry.draining = true
            return Array(registry.connections.values)
        }
    }

    /// The connections there are.
    func connections() -> [ServerConnection] {
        registry.withLock { Array($0.connections.values) }
    }

    /// Returns when no connection is left, or when `stopWaiting` is called.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let empty = registry.withLock { registry in
                if registry.connections.isEmpty { return true }
                registry.waiters.append(continuation)
                return false
            }
            if empty { continuation.resume() }
        }
    }

    /// Lets those who wait go on although connections are left.
    func stopWaiting() {
        let waiters = registry.withLock { registry in
            defer { registry.waiters = [] }
            return registry.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Counts a call in; false when the limit of its kind is reached.
    func beginCall(streaming: Bool) -> Bool {
        let limit = streaming ? configuration.maxStreamingCalls : configuration.maxCallsInFlight
        let now = change(by: 1, streaming: streaming)
        guard now <= limit else {
            change(by: -1, streaming: streaming)
            return false
        }
        callsStarted.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    func endCall(streaming: Bool) {
        change(by: -1, streaming: streaming)
    }

    @discardableResult
    private func change(by amount: Int, streaming: Bool) -> Int {
        if streaming { return streamingCalls.wrappingAdd(amount, ordering: .relaxed).newValue }
        return unaryCalls.wrappingAdd(amount, ordering: .relaxed).newValue
    }
}
