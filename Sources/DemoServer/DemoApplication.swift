// SPDX-License-Identifier: Apache-2.0

package import ModelContextProtocol
internal import Synchronization
package import Values

/// A small MCP server with one of everything: for trying a gateway out, and for tests.
///
/// It keeps nothing but the subscriptions and the log level of its sessions.
package final class DemoApplication: MCPServerApplication {
    /// What the server remembers of one session.
    struct SessionState {
        var subscriptions: Set<ByteKey> = []
        var logLevel = MCPLogLevel.info
        /// Whether the tool that `announce` shows is listed.
        var showsExtraTool = false
    }

    private let version: String
    private let sessions = Mutex<[ObjectIdentifier: SessionState]>([:])
    /// What clients without sessions see and hear.
    let shared = DemoChanges()

    /// Makes the server.
    ///
    /// - Parameter version: what it tells of itself.
    package init(version: String) {
        self.version = version
    }

    /// All revisions, on the same endpoint.
    package var eras: Set<ProtocolEra> { [.handshake, .modern] }

    package var serverInfo: ValueObject {
        ["name": "gatehouse-demo", "title": "Gatehouse demo server", "version": .string(version)]
    }

    /// What the server says of itself, whichever way it is asked.
    private var description: InitializeAnswer {
        InitializeAnswer(
            capabilities: [
                "tools": ["listChanged": true], "prompts": [:], "resources": ["subscribe": true, "listChanged": false],
                "logging": [:], "completions": [:],
            ], serverInfo: serverInfo,
            instructions: "A demonstration server: tools, a prompt, resources and a template that do nothing of use.")
    }

    package func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer {
        sessions.withLock { $0[ObjectIdentifier(session)] = SessionState() }
        return description
    }

    package func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer { description }

    package func listen(_ call: MCPServerCall, _ subscription: MCPSubscription) async throws(JSONRPCError) {
        shared.add(subscription)
        defer { shared.remove(subscription) }
        var filter = MCPSubscriptionFilter()
        filter.toolsListChanged = true
        filter.resourceSubscriptions = subscription.requested.resourceSubscriptions.filter(DemoResources.exists)
        subscription.acknowledge(filter)
        await subscription.waitForEnd()
    }

    package func sessionEnded(_ session: MCPServerSession) async {
        sessions.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(session)) }
    }

    package func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        let params = call.params ?? Document(object: [:])
        switch call.method {
        case "tools/list": return try toolList(params, call)
        case "tools/call": return try await callTool(params, call)
        case "prompts/list": return try DemoPrompts.list(params)
        case "prompts/get": return try DemoPrompts.get(params)
        case "resources/list": return try DemoResources.list(params)
        case "resources/templates/list": return try DemoResources.templates(params)
        case "resources/read": return try DemoResources.read(params)
        case "resources/subscribe": return try subscribe(params, call.session, true)
        case "resources/unsubscribe": return try subscribe(params, call.session, false)
        case "completion/complete": return try DemoPrompts.complete(params)
        case "logging/setLevel": return try setLogLevel(params, call.session)
        default: throw .methodNotFound(call.method)
        }
    }

    // MARK: What a session has asked for

    /// What is remembered of a session.
    func state(of session: MCPServerSession) -> SessionState {
        sessions.withLock { $0[ObjectIdentifier(session)] ?? SessionState() }
    }

    /// Changes what is remembered of a session.
    func change(_ session: MCPServerSession, _ body: (inout SessionState) -> Void) {
        sessions.withLock { sessions in
            guard var state = sessions[ObjectIdentifier(session)] else { return }
            body(&state)
            sessions[ObjectIdentifier(session)] = state
        }
    }

    private func subscribe(
        _ params: Document, _ session: MCPServerSession, _ isOn: Bool
    ) throws(JSONRPCError) -> Document {
        let uri = try DemoResources.uri(of: params)
        guard DemoResources.exists(uri) else { throw DemoResources.unknown(uri) }
        change(session) { state in
            if isOn { state.subscriptions.insert(ByteKey(uri)) } else { state.subscriptions.remove(ByteKey(uri)) }
        }
        return Document(object: [:])
    }

    private func setLogLevel(_ params: Document, _ session: MCPServerSession) throws(JSONRPCError) -> Document {
        guard let name = params["level"]?.stringValue, let level = MCPLogLevel(rawValue: name) else {
            let names = MCPLogLevel.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidParams("level must be one of \(names)")
        }
        change(session) { $0.logLevel = level }
        return Document(object: [:])
    }
}
