// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
package import Sockets
import Synchronization

/// An HTTP/1.1 client that keeps connections to the servers it talks to.
///
/// Redirects are not followed. `shutDown` is to be called at the end.
package final class HTTPClient: Sendable {
    private struct State {
        var origins: [HTTPOrigin: OriginConnections] = [:]
        var isShutDown = false
    }

    private let configuration: HTTPClientConfiguration
    private let security: HTTPClientSecurity
    private let group: any EventLoopGroup
    private let budget: ByteBudget
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a client; it connects when it is first used.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: where connections live; a request made on one of its event loops stays there if it can.
    ///   - budget: of bytes in buffered messages, shared by all of the process.
    package init(
        configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
        security: HTTPClientSecurity = .plaintext,
        eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget,
        logger: Logger
    ) {
        self.configuration = configuration
        self.security = security
        group = eventLoopGroup
        self.budget = budget
        self.logger = logger
    }

    /// Sends a request and returns when the head of the answer is there.
    ///
    /// Cancelling the task closes the connection and throws.
    ///
    /// - Parameter deadline: for the whole answer, its body included; `HTTPClientBody.setDeadline` changes it later.
    package func execute(
        _ request: HTTPClientRequest, deadline: NIODeadline
    ) async throws(HTTPClientError) -> HTTPClientResponse {
        let bytes = try RequestHead.bytes(request)
        let call = HTTPClientCall(
            request, bytes: bytes,
            longBody: request.body.readableBytes > RequestHead.copyLimit ? request.body : nil,
            deadline: deadline, readAhead: configuration.readAhead, budget: budget)
        guard let connections = connections(to: request.address.origin) else {
            throw HTTPClientError(.shutDown, "this HTTP client is shut down", isUnsent: true)
        }
        let result = await withTaskCancellationHandler {
            connections.submit(call)
            return await call.head()
        } onCancel: {
            connections.forget(call)
            call.fail(.cancelled(call.origin))
        }
        let head = try result.get()
        return HTTPClientResponse(status: head.status, headers: head.headers, body: HTTPClientBody(call))
    }

    /// Lets requests that are open end for at most `grace`, and closes all connections.
    package func shutDown(grace: Duration = .zero) async {
        let origins = state.withLock { state in
            state.isShutDown = true
            return Array(state.origins.values)
        }
        let deadline = NIODeadline.now() + TimeAmount(grace)
        for origin in origins { await origin.shutDown(deadline: deadline) }
    }

    private func connections(to origin: HTTPOrigin) -> OriginConnections? {
        state.withLock { state in
            if state.isShutDown { return nil }
            if let connections = state.origins[origin] { return connections }
            let connections = OriginConnections(
                origin: origin, configuration: configuration, security: security, group: group, budget: budget,
                logger: logger)
            state.origins[origin] = connections
            return connections
        }
    }
}
