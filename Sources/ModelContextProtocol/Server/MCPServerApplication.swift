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

    /// Which eras are served, on one endpoint; asked once.
    ///
    /// Default the handshake revisions alone, whose probes by clients of later ones are refused in the way that leads those to
    /// `initialize`. An application that serves `.modern` as well gets requests of revision 2026-07-28 through ``request(_:)``, with
    /// ``MCPServerCall/envelope`` set; the core adds to its results what the revision demands of them.
    var eras: Set<ProtocolEra> { get }

    /// The server's name and version, as results of revision 2026-07-28 tell them in their `_meta`; asked once.
    ///
    /// Default empty: results do not tell.
    var serverInfo: ValueObject { get }

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

    /// What the server says of itself to a client of revision 2026-07-28 (`server/discover`).
    ///
    /// Which revisions are spoken, `ttlMs` and `cacheScope` are added by the core.
    func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer

    /// Serves a client of revision 2026-07-28 that wants to hear of changes (`subscriptions/listen`), and returns when it no longer
    /// does: the stream ends then, with its answer.
    ///
    /// Runs in a task of its own, which is cancelled when the client goes away. It acknowledges what it will send, before all else, with
    /// ``MCPSubscription/acknowledge(_:)``, sends with ``MCPSubscription/notify(_:_:)``, and waits with
    /// ``MCPSubscription/waitForEnd()``.
    ///
    /// Default: acknowledges that nothing will be sent, and waits.
    func listen(_ call: MCPServerCall, _ subscription: MCPSubscription) async throws(JSONRPCError)

    /// How long, and for whom, the result of a request may be kept, if the result does not say so itself (revision 2026-07-28).
    ///
    /// Asked for `server/discover`, lists and `resources/read`. Default: not at all, and by nobody else.
    func cacheHint(for call: MCPServerCall) -> MCPCacheHint

    /// Which arguments of a tool its calls carry in headers as well, by the tool's input schema (revision 2026-07-28, HTTP).
    ///
    /// Default nil: the tool is unknown, or has none, and `Mcp-Param-*` headers are not compared.
    func parameterHeaders(ofTool name: String, for call: MCPServerCall) async -> MCPParameterHeaders?

    /// Takes a notification, `notifications/initialized` included; `notifications/cancelled` of a request in flight has
    /// been acted on already.
    func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async

    /// A session is over; called once for each session that `initialize` was called for.
    func sessionEnded(_ session: MCPServerSession) async
}

extension MCPServerApplication {
    /// Sessions are kept.
    package var isStateless: Bool { false }
    /// The handshake revisions.
    package var eras: Set<ProtocolEra> { [.handshake] }
    /// Nothing is told.
    package var serverInfo: ValueObject { [:] }
    /// Not served.
    package func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer {
        throw .methodNotFound(call.method)
    }
    /// Nothing will be sent.
    package func listen(_ call: MCPServerCall, _ subscription: MCPSubscription) async throws(JSONRPCError) {
        subscription.acknowledge(MCPSubscriptionFilter())
        await subscription.waitForEnd()
    }
    /// Not to be kept.
    package func cacheHint(for call: MCPServerCall) -> MCPCacheHint { MCPCacheHint() }
    /// Not compared.
    package func parameterHeaders(ofTool name: String, for call: MCPServerCall) async -> MCPParameterHeaders? { nil }
    /// Nothing is to be done.
    package func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async {}
    /// Nothing is to be done.
    package func sessionEnded(_ session: MCPServerSession) async {}
}
