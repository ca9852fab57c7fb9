// SPDX-License-Identifier: Apache-2.0

import Logging
import Sockets
import Synchronization

/// What all connections of a server share.
final class HTTPServerState: Sendable {
    let responder: any HTTPResponder
    let configuration: HTTPServerConfiguration
    let budget: ByteBudget
    let logger: Logger
    let connections: ConnectionRegistry<HTTPServerConnection>

    /// Requests given to the responder whose answer is not whole.
    let requestsInFlight = Atomic<Int>(0)
    let requestsStarted = Atomic<Int>(0)
    /// Answers that are streams and have begun.
    let openStreams = Atomic<Int>(0)

    init(responder: any HTTPResponder, configuration: HTTPServerConfiguration, budget: ByteBudget, logger: Logger) {
        self.responder = responder
        self.configuration = configuration
        self.budget = budget
        self.logger = logger
        connections = ConnectionRegistry(limit: configuration.maxConnections)
    }

    /// Counts a request in; false when there are too many.
    func beginRequest() -> Bool {
        let now = requestsInFlight.wrappingAdd(1, ordering: .relaxed).newValue
        guard now <= configuration.maxRequestsInFlight else {
            requestsInFlight.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        requestsStarted.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    func endRequest() {
        requestsInFlight.wrappingSubtract(1, ordering: .relaxed)
    }
}
