// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization
package import Values

/// One client's session with an MCP server: what was negotiated, and what is in flight.
package final class MCPServerSession: Sendable {
    /// The session's id: over HTTP the value of `Mcp-Session-Id`; empty for a stateless endpoint.
    package let id: String
    /// Who began it, as the admission found; nil without one.
    package let principal: MCPPrincipal?
    /// Whether it ends with its one request.
    package let isStateless: Bool
    /// What its one request says of its client (revision 2026-07-28).
    private let envelope: MCPRequestEnvelope?

    let limits: MCPServerLimits
    let eventLoop: any EventLoop
    /// The streams that the client can go on with; nil when there is no session to do so in.
    let streams: EventStreams?
    private let onEnd: @Sendable (MCPServerSession) -> Void
    let state: Mutex<State>

    struct State {
        var revision: ProtocolRevision
        var clientInfo: ValueObject = [:]
        var clientCapabilities: ValueObject = [:]
        var isInitialized = false
        var isEnded = false
        var userInfo: (any AnyObject & Sendable)?
        var calls: [JSONRPCID: CallInFlight] = [:]
        var asked: [Int64: Outcome<AskedResult>] = [:]
        var nextID: Int64 = 1
        var unrelated = UnrelatedMessages()
        var lastUse = NIODeadline.now()
    }

    /// Makes a session.
    ///
    /// - Parameter onEnd: called once, when the session ends.
    init(
        id: String, principal: MCPPrincipal?, revision: ProtocolRevision, isStateless: Bool = false,
        envelope: MCPRequestEnvelope? = nil, limits: MCPServerLimits, eventLoop: any EventLoop,
        onEnd: @escaping @Sendable (MCPServerSession) -> Void = { _ in }
    ) {
        self.id = id
        self.principal = principal
        self.isStateless = isStateless
        self.envelope = envelope
        self.limits = limits
        self.eventLoop = eventLoop
        streams = isStateless ? nil : EventStreams(limits: limits)
        self.onEnd = onEnd
        state = Mutex(State(revision: revision))
    }

    /// The revision it speaks.
    package var revision: ProtocolRevision { state.withLock { $0.revision } }

    /// The client's name and version, and whatever else it told; empty for a stateless endpoint.
    package var clientInfo: ValueObject { envelope?.clientInfo ?? state.withLock { $0.clientInfo } }

    /// What the client can do for the server.
    package var clientCapabilities: ValueObject {
        envelope?.clientCapabilities ?? state.withLock { $0.clientCapabilities }
    }

    /// Whether the client has said that it has taken the answer to `initialize`.
    package var isInitialized: Bool { state.withLock { $0.isInitialized } }

    /// Whether the session is over.
    package var isEnded: Bool { state.withLock { $0.isEnded } }

    /// A place for what the application keeps about the session.
    package var userInfo: (any AnyObject & Sendable)? {
        get { state.withLock { $0.userInfo } }
        set { state.withLock { $0.userInfo = newValue } }
    }

    /// Takes over what the client said in `initialize`.
    func begin(_ parameters: InitializeParameters) {
        state.withLock { state in
            state.revision = parameters.revision
            state.clientInfo = parameters.clientInfo
            state.clientCapabilities = parameters.capabilities
        }
    }

    func markInitialized() {
        state.withLock { $0.isInitialized = true }
    }

    /// Ends the session: calls in flight are cancelled, open streams end, and over HTTP its id is unknown from now on.
    package func end() {
        let ended = state.withLock {
            state -> (calls: [CallInFlight], asked: [Outcome<AskedResult>], woken: [Waiter])? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            defer {
                state.calls = [:]
                state.asked = [:]
            }
            return (Array(state.calls.values), Array(state.asked.values), state.unrelated.end())
        }
        guard let ended else { return }
        for call in ended.calls {
            call.task.cancel()
            call.outlet.abandon(call.id)
        }
        for outcome in ended.asked { outcome.give(.failure(Self.sessionOver)) }
        for waiter in ended.woken { waiter.give(nil) }
        streams?.end()
        onEnd(self)
    }

    static let sessionOver = JSONRPCError.internalError("the client's session is over, so that nobody answers")
}

/// What became of a request to the client.
typealias AskedResult = Result<Document, JSONRPCError>
