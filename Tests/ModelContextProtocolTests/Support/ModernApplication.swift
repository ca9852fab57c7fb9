// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization
import Values

/// A server of revision 2026-07-28 for tests: what its tools do is said by their names.
final class ModernApplication: MCPServerApplication {
    struct Noted {
        var startedWaits = 0
        var cancelledCalls = 0
        var sessions = 0
        var subscriptions: [MCPSubscription] = []
        var endedSubscriptions = 0
        /// Up to which stream the application ends them itself.
        var endsUpTo = 0
        /// Whether calls that pause go on.
        var goesOn = false
    }

    let eras: Set<ProtocolEra>
    let noted = Mutex(Noted())

    let isStateless: Bool

    init(eras: Set<ProtocolEra> = [.handshake, .modern], isStateless: Bool = false) {
        self.eras = eras
        self.isStateless = isStateless
    }

    var serverInfo: ValueObject { ["name": "modern", "version": "1"] }

    private var description: InitializeAnswer {
        InitializeAnswer(capabilities: ["tools": [:]], serverInfo: serverInfo, instructions: "none")
    }

    func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer {
        noted.withLock { $0.sessions += 1 }
        return description
    }

    func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer { description }

    func cacheHint(for call: MCPServerCall) -> MCPCacheHint {
        call.method == "prompts/list" ? MCPCacheHint(milliseconds: 5_000, scope: .public) : MCPCacheHint()
    }

    func parameterHeaders(ofTool name: String, for call: MCPServerCall) async -> MCPParameterHeaders? {
        if name == "unknown for long" { await wait() }
        let schema: Value = [
            "type": "object", "properties": ["region": ["type": "string", "x-mcp-header": "Region"]],
        ]
        return name == "routed" ? try? MCPParameterHeaders(inputSchema: Document(schema)) : nil
    }

    func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        switch call.method {
        case "tools/list": return Document(object: ["tools": [], "ttlMs": 7, "_meta": ["x": 1]])
        case "prompts/list": return Document(object: ["prompts": []])
        case "resources/read": throw JSONRPCError(code: -32_002, message: "no such resource")
        case "completion/complete": return MCPInputRequired(requests: [], state: "s").result
        case "tools/call": return try await callTool(call)
        default: throw .methodNotFound(call.method)
        }
    }

    private func callTool(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        switch call.params?["name"]?.stringValue {
        case "echo", "routed", "ä":
            return Document(object: [
                "content": [], "params": call.params?.value ?? nil,
                "client": .object(call.session.clientCapabilities), "info": .object(call.session.clientInfo),
            ])
        case "talk":
            for level in ["debug", "info", "error"] {
                call.notify(MCPMethod.message, Document(object: ["level": .string(level), "data": "x"]))
            }
            call.notify(MCPMethod.progress, Document(object: ["progressToken": call.progressToken ?? nil]))
            return Document(object: ["content": []])
        case "ask":
            guard let answers = call.inputResponses else {
                return MCPInputRequired(
                    requests: [
                        .init(key: "q", method: "elicitation/create", params: Document(object: ["message": "?"]))
                    ], state: "exact ä"
                ).result
            }
            return Document(object: [
                "content": [], "answers": answers.value, "state": call.requestState.map { .string($0) } ?? nil,
            ])
        case "insist": return MCPInputRequired(requests: [], state: "again").result
        case "backwards": return try await call.request("elicitation/create", nil)
        case "pause":
            while !noted.withLock({ $0.goesOn }) {
                do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
            }
            throw .methodNotFound("nothing")
        case "wait":
            await wait()
            return Document(object: ["content": []])
        default: throw .invalidParams("unknown tool")
        }
    }

    private func wait() async {
        noted.withLock { $0.startedWaits += 1 }
        do { try await Task.sleep(for: .seconds(600)) } catch { noted.withLock { $0.cancelledCalls += 1 } }
    }

    func listen(_ call: MCPServerCall, _ subscription: MCPSubscription) async throws(JSONRPCError) {
        var filter = MCPSubscriptionFilter()
        filter.toolsListChanged = true
        filter.resourceSubscriptions = subscription.requested.resourceSubscriptions
        subscription.acknowledge(filter)
        let number = noted.withLock { noted in
            noted.subscriptions.append(subscription)
            return noted.subscriptions.count
        }
        while !subscription.isEnded, noted.withLock({ $0.endsUpTo < number }) {
            do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
        }
        noted.withLock { $0.endedSubscriptions += 1 }
    }

    /// Tells all streams of a change.
    func tell(_ method: String, _ params: Document? = nil) {
        for subscription in noted.withLock({ $0.subscriptions }) { subscription.notify(method, params) }
    }
}

/// Requests of revision 2026-07-28 as a test wants them.
enum ModernRequestText {
    static let meta =
        #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#

    /// The JSON of a request; `members` are those of its parameters beside `_meta`.
    static func of(_ method: String, _ members: String = "", meta: String = meta, id: String = "1") -> String {
        let rest = members.isEmpty ? "" : ",\(members)"
        return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{"_meta":{\#(meta)}\#(rest)}}"#
    }
}
