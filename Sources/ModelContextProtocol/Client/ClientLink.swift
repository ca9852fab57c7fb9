// SPDX-License-Identifier: Apache-2.0

internal import Values

/// A client's way to its server.
protocol ClientLink: AnyObject, Sendable {
    /// Sends a request and waits for its result, within its deadlines.
    func exchange(
        _ request: ClientRequest, _ method: String, _ params: Document?
    ) async throws(MCPClientError) -> Document

    /// Sends a message that wants no answer.
    func send(_ message: JSONRPCMessage) async throws(MCPClientError)

    /// The revision is agreed on, and all that follows speaks it; nil before `initialize`, when there is none.
    func agreed(on revision: ProtocolRevision?)

    /// Whether a request whose task ends is cancelled by that alone, so that the server need not be told.
    var cancelsByClosing: Bool { get }

    /// The session has begun: the server may send what belongs to no request.
    func begin()

    /// Whether the server keeps something for this session.
    var keepsState: Bool { get }

    /// Ends the session.
    func close() async
}
