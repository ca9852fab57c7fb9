// SPDX-License-Identifier: Apache-2.0

import Authentication
import Logging
import ModelContextProtocol
import PluginFramework
import Values

/// The MCP server that clients of one virtual server talk to.
final class GatewayApplication: MCPServerApplication {
    /// For how long after its start the gateway has lists, and the beginning of sessions, wait for upstreams that were not reached yet.
    ///
    /// After that they come without them, and clients hear that lists changed once they are there.
    static let patience = Duration.seconds(5)

    let server: VirtualServer
    let policy: Policy
    let upstreams: UpstreamSet
    let shares: FairShares
    let stateless: StatelessClients
    let questions: QuestionSeal
    let info: ValueObject
    let logger: Logger

    init(
        server: VirtualServer, policy: Policy, upstreams: UpstreamSet, shares: FairShares, stateless: StatelessClients,
        info: ValueObject, logger: Logger
    ) {
        self.server = server
        self.policy = policy
        self.upstreams = upstreams
        self.shares = shares
        self.stateless = stateless
        questions = QuestionSeal(seal: stateless.seal, server: server.id)
        self.info = info
        self.logger = logger
    }

    /// The handshake revisions, and the one without sessions.
    var eras: Set<ProtocolEra> { [.handshake, .modern] }

    var serverInfo: ValueObject { info }

    // MARK: Sessions

    func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer {
        await server.settle(within: Self.patience)
        let share = try takeSession((session.principal?.details as? Caller)?.principal)
        let client = ClientSession(session, server: server, policy: policy, share: share)
        session.userInfo = client
        server.add(client)
        return InitializeAnswer(
            capabilities: capabilities, serverInfo: info, instructions: server.settings.description)
    }

    /// What is delivered, whatever upstreams say of themselves; an upstream that is not there yet may have everything.
    var capabilities: ValueObject {
        let view = server.view
        var capabilities: ValueObject = [:]
        if view.can("tools") { capabilities["tools"] = ["listChanged": true] }
        if view.can("prompts") { capabilities["prompts"] = ["listChanged": true] }
        if view.can("resources") { capabilities["resources"] = ["subscribe": true, "listChanged": true] }
        if view.can("logging") { capabilities["logging"] = [:] }
        if view.can("completions") { capabilities["completions"] = [:] }
        return capabilities
    }

    func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async {
        guard method == GatewayMethod.rootsChanged, let client = session.userInfo as? ClientSession else { return }
        for link in client.ownLinks {
            if let upstream = link.link.current { try? await upstream.notify(method, nil) }
        }
    }

    func sessionEnded(_ session: MCPServerSession) async {
        guard let client = session.userInfo as? ClientSession else { return }
        server.remove(client)
        if let share = client.share { shares.release(.session, of: share) }
        await upstreams.forget(client)
        await client.end()
    }

    // MARK: Requests

    func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        guard call.envelope == nil else { return try await answerModern(call) }
        guard let session = call.session.userInfo as? ClientSession else {
            throw .internalError("the session has not begun; send initialize first")
        }
        guard let share = try takeCall(call) else { return try await answer(call, session) }
        defer { shares.release(share.kind, of: share.identity) }
        return try await answer(call, session)
    }

    func answer(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        switch call.method {
        case GatewayMethod.callTool:
            policy.counters.called(.tool)
            return try await callTool(call, session)
        case GatewayMethod.getPrompt:
            policy.counters.called(.prompt)
            return try await getPrompt(call, session)
        case GatewayMethod.readResource:
            policy.counters.called(.resource)
            return try await readResource(call, session)
        case ListKind.tools.method: return try await list(.tools, call)
        case ListKind.prompts.method: return try await list(.prompts, call)
        case ListKind.resources.method: return try await list(.resources, call)
        case ListKind.templates.method: return try await list(.templates, call)
        case GatewayMethod.subscribe: return try await subscribe(call, session)
        case GatewayMethod.unsubscribe: return try await unsubscribe(call, session)
        case GatewayMethod.complete: return try await complete(call, session)
        case GatewayMethod.setLevel: return try await setLevel(call, session)
        default: throw .methodNotFound(call.method)
        }
    }

    /// A text that a request must have.
    static func text(_ key: String, of call: MCPServerCall) throws(JSONRPCError) -> String {
        guard let text = call.params?[key]?.stringValue, !text.isEmpty else {
            throw .invalidParams("\(call.method) needs params.\(key), a string that is not empty")
        }
        return text
    }

    /// Who makes a request; nil over standard input.
    static func caller(of call: MCPServerCall) -> Caller? {
        call.http?.principal?.details as? Caller
    }
}
