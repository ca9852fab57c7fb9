// SPDX-License-Identifier: Apache-2.0

package import Values

/// What an MCP server does, whatever the transport.
///
/// The server core answers `ping`, keeps sessions, ids, cancellation and order; everything else comes here.
package protocol MCPServerApplication: Sendable {
    /// Whether HTTP clients get no session: each request stands alone, and is served without `initialize` as well.
    ///
    /// Default false. Without a session there are no messages besides those that belong to a call.
    var isStateless: Bool { get }

    /// Begins a session.
    ///
    /// - Throws: what refuses the session; none is made then.
    func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer

    /// Answers a request with its result object.
    ///
    /// Each call runs in a task of its own, so that calls of one session overtake each other. The task is cancelled when the
    /// client cancels the request, and when the session ends; what it returns then is dropped.
    func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document

    /// Takes a notification, `notifications/initialized` included; `notifications/cancelled` of a request in flight has
    /// been acted on already.
    func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async

    /// A session is over; called once for each session that `initialize` was called for.
    func sessionEnded(_ session: MCPServerSession) async
}

extension MCPServerApplication {
    /// Sessions are kept.
    package var isStateless: Bool { false }
    /// Nothing is to be done.
    package func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async {}
    /// Nothing is to be done.
    package func sessionEnded(_ session: MCPServerSession) async {}
}
