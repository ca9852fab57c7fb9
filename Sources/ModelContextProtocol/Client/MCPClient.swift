// SPDX-License-Identifier: Apache-2.0

package import HTTP
package import Logging
package import NIOCore
package import Values

/// A client's session with one MCP server.
///
/// Whoever connects one closes it with ``close()``.
package final class MCPClient: Sendable {
    /// What the server has said of itself.
    package let server: InitializeResult

    private let core: ClientCore
    private let link: any ClientLink

    init(server: InitializeResult, core: ClientCore, link: any ClientLink) {
        self.server = server
        self.core = core
        self.link = link
    }

    /// Connects to a server, agrees on a revision with it, and begins the session.
    ///
    /// - Parameters:
    ///   - info: the client's name and version, and whatever else it tells.
    ///   - capabilities: what `handler` answers, such as `{"roots":{}}`.
    ///   - revision: what is asked for with `initialize`; the server may answer with an older one.
    ///   - mode: in which era; ``server`` tells which revision it became.
    ///   - httpClient: what HTTP requests are made with; its owner shuts it down after the client.
    ///   - eventLoop: where the client's own tasks run, and where a child's output is read.
    /// - Throws: ``MCPClientError``; nothing is left behind then.
    package static func connect(
        _ transport: MCPClientTransportSettings, info: ValueObject, capabilities: ValueObject = [:],
        revision: ProtocolRevision = .latestHandshake, mode: MCPProtocolMode = .handshake,
        handler: any MCPClientHandler = IgnoringClientHandler(), limits: MCPClientLimits = MCPClientLimits(),
        httpClient: HTTPClient, eventLoop: any EventLoop, logger: Logger
    ) async throws(MCPClientError) -> MCPClient {
        let connector = ClientConnector(
            transport: transport, info: info, capabilities: capabilities, revision: revision, handler: handler,
            limits: limits, httpClient: httpClient, eventLoop: eventLoop, logger: logger)
        return try await connector.connect(mode)
    }

    /// Sends a request and waits for its result.
    ///
    /// A progress token in the parameters' `_meta` is replaced by one of this session, and put back, exactly as it was, in the
    /// progress notifications that come for it. Cancelling the task tells the server and drops its late answer.
    package func request(
        _ method: String, _ params: Document? = nil, options: MCPRequestOptions = MCPRequestOptions()
    ) async throws(MCPClientError) -> Document {
        try await core.request(method, params, options)
    }

    /// Opens a stream of notifications (revision 2026-07-28 alone), and keeps it open until the listener or the client is closed.
    ///
    /// Another filter is another stream: open it, and close the first when the second is acknowledged.
    ///
    /// - Parameter onEvent: takes what comes, one after the other and in order; `ended` is the last.
    /// - Throws: when the server speaks an older revision, or the session is over.
    package func listen(
        to filter: MCPSubscriptionFilter, onEvent: @escaping @Sendable (MCPListenEvent) async -> Void
    ) throws(MCPClientError) -> MCPListener {
        guard core.isModern else {
            throw .transport(
                "\(MCPMethod.listen) needs revision \(ProtocolRevision.latestModern), and the server speaks \(server.revision)"
            )
        }
        let listening = ClientListening(core, filter, onEvent)
        let slot = TaskSlot()
        guard core.endReason == nil, core.tasks.start(on: core.executor, slot, { await listening.run() }) else {
            throw .transport("the MCP session is over: \(core.endReason ?? "it was closed")")
        }
        return MCPListener(slot: slot)
    }

    /// Sends a notification; returns when the server has taken it (HTTP), or the system (stdio).
    ///
    /// Revision 2026-07-28 has none that a client could send: nothing is sent then.
    package func notify(_ method: String, _ params: Document? = nil) async throws(MCPClientError) {
        guard !core.isModern else { return }
        try await core.notify(method, params)
    }

    /// Ends the session: requests in flight fail, an HTTP server is told, a child process is ended.
    ///
    /// - Parameter reason: What those are told whose requests fail.
    package func close(because reason: String = "the session was closed") async {
        await core.close(reason)
    }

    /// How many messages a program has written so far; 0 for a server over HTTP.
    package var arrivals: Int { core.arrivals }

    /// Waits until the session has ended, by ``close()`` or because the server is gone or no longer knows it.
    ///
    /// - Returns: why it has ended, or nil when the waiting task was cancelled.
    package func waitForEnd() async -> String? {
        await core.waitForEnd()
    }

    /// Whether the server keeps something for this session: a program of our own does, and one that gave the session an id; none of
    /// revision 2026-07-28.
    package var keepsState: Bool { !core.isModern && link.keepsState }

    /// Why the session has ended; nil while it has not.
    package var endReason: String? { core.endReason }
}
