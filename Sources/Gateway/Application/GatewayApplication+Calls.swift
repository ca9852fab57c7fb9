// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOHTTP1
import PluginFramework
import Values

/// The arguments of a call on their way to the upstream.
enum Arguments: Sendable {
    /// As the client gave them, in the bytes in which they came.
    case asGiven
    /// As plugins made them; null for none.
    case changed(Value)
}

// What tools, prompts and resources have in common.
extension GatewayApplication {
    /// The parameters as the upstream knows them: everything as it came, but for what has to be another.
    static func params(
        _ given: Document?, _ nameKey: String, _ name: String, _ argumentsKey: String?, _ arguments: Arguments
    ) -> Document {
        var changes: [(key: String, value: Document?)] = [
            (nameKey, Document(.string(name))),
            // The gateway has no tasks: whoever asks for one gets the result itself (MCP 2025-11-25, Tasks).
            ("task", nil),
        ]
        if let argumentsKey, case .changed(let value) = arguments {
            changes.append((argumentsKey, value.isNull ? nil : Document(value)))
        }
        return (given ?? Document(object: [:])).setting(changes)
    }

    /// What plugins will share within a call.
    func state(of call: MCPServerCall, requested: String, _ target: ServerView.Target) -> CallState {
        CallState(
            policy: policy, call: call, caller: Self.caller(of: call), server: server.id, view: server.view,
            requested: requested,
            target: target)
    }

    /// One call's exchange with its upstream, and what plugins after it say.
    func round(_ point: PolicyPoint, _ call: MCPServerCall, _ session: ClientSession) -> CallRound {
        CallRound(point: point, call: call, session: session, upstreams: upstreams, questions: questions)
    }

    /// The client's headers as plugins see them: none that carry secrets.
    static func headers(of call: MCPServerCall) -> ValueObject {
        guard let http = call.http else { return [:] }
        return RequestHeaders.payload(caller(of: call)?.headers ?? http.request.headers)
    }

    /// Decides whether the user may do this: by the scopes of its token, and by plugins, if any want to be asked.
    func authorize(
        _ point: PolicyPoint, _ target: ServerView.Target, _ call: MCPServerCall
    ) async throws(JSONRPCError) {
        try checkScopes(point, target, call)
        guard policy.listens(.httpAuthCheckPermission) else { return }
        let permission = point.permission
        let check = PermissionCheck(
            permission: permission.name, resourceType: permission.resourceType, subject: target.exposed,
            server: server.id,
            userAgent: call.http?.request.headers.first(name: "user-agent"))
        guard let reason = try await check.denial(of: Self.caller(of: call), policy) else { return }
        throw JSONRPCError(
            code: PipelineBlock.defaultViolationCode, message: "Permission \(permission.name) denied: \(reason)",
            data: ["http_status": 403])
    }

    /// - Throws: when an upstream that may have what is asked for cannot be reached.
    static func checkIsKnown(_ upstream: Upstream) throws(JSONRPCError) {
        guard upstream.catalog == nil else { return }
        let reason: String
        switch upstream.status {
        case .down(let why): reason = why
        case .starting, .up: reason = "it has not said yet what it offers"
        }
        throw .internalError("MCP server '\(upstream.name)' cannot be used: \(reason)")
    }
}

extension ServerView.Target {
    /// What plugins are told of it.
    var metadata: ValueObject {
        var described: ValueObject = ["name": .string(exposed), "original_name": .string(original)]
        if let description = item?["description"] { described["description"] = description }
        return ["tool": .object(described), "gateway": ["name": .string(upstream.name), "id": .string(upstream.name)]]
    }

    /// Whether calling it twice does no harm, as it says itself.
    var mayRepeat: Bool {
        let hints = item?["annotations"]
        return hints?["readOnlyHint"]?.boolValue == true || hints?["idempotentHint"]?.boolValue == true
    }
}
