// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOHTTP1
import Synchronization
import Values

/// An MCP server whose answers a test writes, and a note of everything that it was asked.
final class TestUpstream: MCPServerApplication {
    typealias Script = @Sendable (MCPServerCall) async throws(JSONRPCError) -> Document

    struct Asked: Sendable {
        let method: String
        let params: Value
        let headers: [String: String]
        let session: String
    }

    private struct State {
        var tools: [Value]
        var asked: [Asked] = []
        var sessions: [MCPServerSession] = []
        var endedSessions = 0
        var notifications: [String] = []
        /// By session, what it has subscribed to.
        var subscribed: [ObjectIdentifier: Set<String>] = [:]
        var streams: [ObjectIdentifier: MCPSubscription] = [:]
    }

    private let script: Script
    private let state: Mutex<State>
    let prompts: [Value]
    let resources: [Value]
    let templates: [Value]
    let pageSize: Int
    let eras: Set<ProtocolEra>

    init(
        tools: [Value] = [["name": "echo", "inputSchema": ["type": "object"]]], prompts: [Value] = [],
        resources: [Value] = [], templates: [Value] = [], pageSize: Int = 100, eras: Set<ProtocolEra> = [.handshake],
        _ script: @escaping Script = TestUpstream.echo
    ) {
        self.script = script
        self.prompts = prompts
        self.resources = resources
        self.templates = templates
        self.pageSize = pageSize
        self.eras = eras
        state = Mutex(State(tools: tools))
    }

    /// Answers with its arguments as text.
    static let echo: Script = { (call) throws(JSONRPCError) in
        TestUpstream.text(call.params?["arguments"]?.description ?? "nothing")
    }

    static func text(_ text: String) -> Document {
        Document(object: ["content": [["type": "text", "text": .string(text)]]])
    }

    static func tool(_ name: String, _ further: ValueObject = [:]) -> Value {
        var tool: ValueObject = ["name": .string(name), "inputSchema": ["type": "object"]]
        tool.merge(further)
        return .object(tool)
    }

    // MARK: What happened

    /// What it was asked, but for lists and the like.
    var asked: [Asked] {
        state.withLock { $0.asked.filter { !$0.method.hasSuffix("/list") } }
    }

    var sessionCount: Int { state.withLock { $0.sessions.count } }
    var endedSessionCount: Int { state.withLock { $0.endedSessions } }
    var notifications: [String] { state.withLock { $0.notifications } }

    /// Whether somebody wants to hear of a resource.
    func isFollowed(_ uri: String) -> Bool {
        state.withLock { state in
            state.subscribed.values.contains { $0.contains(uri) }
                || state.streams.values.contains { $0.requested.resourceSubscriptions.contains(uri) }
        }
    }

    /// Offers other tools, and tells all its clients.
    func change(tools: [Value]) {
        state.withLock { $0.tools = tools }
        tell("notifications/tools/list_changed", nil)
    }

    /// Tells all its clients that a resource changed.
    func update(_ uri: String) {
        tell("notifications/resources/updated", Document(object: ["uri": .string(uri)]))
    }

    private func tell(_ method: String, _ params: Document?) {
        let (sessions, streams) = state.withLock { ($0.sessions, Array($0.streams.values)) }
        for session in sessions { session.notify(method, params) }
        for stream in streams { stream.notify(method, params) }
    }

    // MARK: MCP

    func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer {
        state.withLock { $0.sessions.append(session) }
        return Self.description
    }

    func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer { Self.description }

    func listen(_ call: MCPServerCall, _ subscription: MCPSubscription) async throws(JSONRPCError) {
        subscription.acknowledge(subscription.requested)
        state.withLock { $0.streams[ObjectIdentifier(subscription)] = subscription }
        await subscription.waitForEnd()
        state.withLock { _ = $0.streams.removeValue(forKey: ObjectIdentifier(subscription)) }
    }

    private static var description: InitializeAnswer {
        InitializeAnswer(
            capabilities: [
                "tools": ["listChanged": true], "prompts": [:], "resources": ["subscribe": true], "completions": [:],
                "logging": [:],
            ], serverInfo: ["name": "test", "version": "1"])
    }

    func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        var headers: [String: String] = [:]
        for (name, value) in call.http?.request.headers ?? [:] { headers[name.lowercased()] = value }
        let asked = Asked(
            method: call.method, params: call.params?.value ?? .null, headers: headers, session: call.session.id)
        state.withLock { $0.asked.append(asked) }
        switch call.method {
        case "tools/list": return page(state.withLock { $0.tools }, "tools", call)
        case "prompts/list": return page(prompts, "prompts", call)
        case "resources/list": return page(resources, "resources", call)
        case "resources/templates/list": return page(templates, "resourceTemplates", call)
        case "resources/subscribe", "resources/unsubscribe":
            let uri = call.params?["uri"]?.stringValue ?? ""
            state.withLock { state in
                if call.method == "resources/subscribe" {
                    state.subscribed[ObjectIdentifier(call.session), default: []].insert(uri)
                } else {
                    state.subscribed[ObjectIdentifier(call.session)]?.remove(uri)
                }
            }
            return Document(object: [:])
        case "logging/setLevel": return Document(object: [:])
        default: return try await script(call)
        }
    }

    private func page(_ all: [Value], _ key: String, _ call: MCPServerCall) -> Document {
        let start = call.params?["cursor"]?.stringValue.flatMap { Int($0) } ?? 0
        let end = min(start + pageSize, all.count)
        var result: ValueObject = [key: .array(Array(all[start..<end]))]
        if end < all.count { result["nextCursor"] = .string("\(end)") }
        return Document(object: result)
    }

    func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async {
        state.withLock { $0.notifications.append(method) }
    }

    func sessionEnded(_ session: MCPServerSession) async {
        state.withLock { state in
            state.endedSessions += 1
            state.subscribed[ObjectIdentifier(session)] = nil
        }
    }
}
