// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Values

/// The open streams of notifications of an endpoint.
final class SubscriptionTable: Sendable {
    private struct State {
        var open: [ObjectIdentifier: MCPSubscription] = [:]
        var isClosed = false
    }

    private let limit: Int
    private let resourceLimit: Int
    private let state = Mutex(State())

    init(limit: Int, resourceLimit: Int) {
        self.limit = limit
        self.resourceLimit = resourceLimit
    }

    /// How many there are.
    var count: Int { state.withLock { $0.open.count } }

    /// Opens the stream that a call asks for.
    ///
    /// - Throws: when it asks for nothing that can be understood, or for more than may be.
    func open(_ call: MCPServerCall) throws(JSONRPCError) -> MCPSubscription {
        let filter = try MCPSubscriptionFilter(call.params?["notifications"])
        guard filter.resourceSubscriptions.count <= resourceLimit else {
            throw .invalidParams("one stream is for \(resourceLimit) resources at most; ask for fewer")
        }
        let subscription = MCPSubscription(filter, id: call.id, outlet: call.outlet)
        let refusal = state.withLock { state -> String? in
            guard !state.isClosed else { return "the server is shutting down; try again later" }
            guard state.open.count < limit else {
                return "\(limit) streams of notifications are open, as many as may be; try again later"
            }
            state.open[ObjectIdentifier(subscription)] = subscription
            return nil
        }
        if let refusal { throw .internalError(refusal) }
        return subscription
    }

    /// A stream has ended.
    func close(_ subscription: MCPSubscription) {
        state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(subscription)) }
        subscription.end()
    }

    /// Ends all streams, and opens none any more.
    func close() {
        let open = state.withLock { state in
            state.isClosed = true
            return Array(state.open.values)
        }
        for subscription in open { subscription.end() }
    }
}
