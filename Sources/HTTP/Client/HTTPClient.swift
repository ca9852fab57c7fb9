// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
package import Sockets

/// An HTTP/1.1 client that keeps connections to the servers it talks to.
///
/// Redirects are not followed. `shutDown` is to be called at the end.
package final class HTTPClient: Sendable {
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
    ) {}

    /// Sends a request and returns when the head of the answer is there.
    ///
    /// Cancelling the task closes the connection and throws.
    ///
    /// - Parameter deadline: for the whole answer, its body included; `HTTPClientBody.setDeadline` changes it later.
    package func execute(
        _ request: HTTPClientRequest, deadline: NIODeadline
    ) async throws(HTTPClientError) -> HTTPClientResponse {
        throw HTTPClientError(.shutDown, "not yet")
    }

    /// Lets requests that are open end for at most `grace`, and closes all connections.
    package func shutDown(grace: Duration = .zero) async {}
}
