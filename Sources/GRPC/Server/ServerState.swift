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

    /// The connections that are not yet over.
    let registry: ConnectionRegistry<ServerConnection>

    init(methods: MethodTable, configuration: GRPCServerConfiguration, budget: ByteBudget, logger: Logger) {
        self.methods = methods
        self.configuration = configuration
        self.budget = budget
        self.logger = logger
        registry = ConnectionRegistry(limit: configuration.maxConnections)
        messageLimit = ByteLimit(
            bytes: configuration.maxMessageSize,
            key: GRPCServerConfiguration.key("max_message_size"),
            side: .server
        )
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
