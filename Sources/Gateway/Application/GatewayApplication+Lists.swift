// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

// Lists, completion and the level of log messages.
extension GatewayApplication {
    func list(_ kind: ListKind, _ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        let list = "\(server.id ?? "")/\(kind.rawValue)"
        var cursor: Cursor?
        switch call.params?["cursor"] {
        case nil, .null?: break
        case .string(let text)?:
            cursor = Cursor(text, list: list)
            guard cursor != nil else { throw .invalidParams("params.cursor is none of this list; begin without one") }
        case _?: throw .invalidParams("params.cursor must be a string")
        }
        await server.settle(within: Self.patience)
        let page = Cursor.page(
            server.view.items(kind, for: call.envelope == nil ? .handshake : .modern), list: list, from: cursor)
        var result: ValueObject = [kind.member: .array(page.page.map { .object($0) })]
        if let next = page.next { result["nextCursor"] = .string(next.text) }
        return Document(object: result)
    }

    func complete(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        guard case .object(var reference)? = call.params?["ref"], case .object(var params)? = call.params?.value else {
            throw .invalidParams("completion/complete needs params.ref, an object")
        }
        let target: ServerView.Target
        let point: PolicyPoint
        switch reference["type"]?.stringValue {
        case "ref/prompt":
            guard let name = reference["name"]?.stringValue else {
                throw .invalidParams("params.ref of type ref/prompt needs name, a string")
            }
            target = try await prompt(named: name)
            reference["name"] = .string(target.original)
            point = .prompt
        case "ref/resource":
            guard let uri = reference["uri"]?.stringValue, let found = server.view.target(uri: uri) else {
                throw .invalidParams(
                    "params.ref of type ref/resource needs uri, one of a resource or template listed here")
            }
            target = found
            reference["uri"] = .string(target.original)
            point = .resource
        default:
            throw .invalidParams("params.ref.type must be ref/prompt or ref/resource")
        }
        try await authorize(point, target, call)
        guard target.upstream.catalog?.can("completions") ?? true else {
            return Document(object: ["completion": ["values": [], "hasMore": false]])
        }
        params["ref"] = .object(reference)
        let state = state(of: call, requested: target.exposed, target)
        let round = round(point, call, session)
        let result = try await round.ask(Document(object: params), state).whole()
        guard policy.listens(point.postHook), case .object(var completion)? = result["completion"] else {
            return result
        }
        // Proposals are texts of an upstream as well.
        let filter = UtteranceFilter(policy: policy, point: point, subject: target.exposed, request: state.request())
        completion["values"] = try await filter.pass(completion["values"] ?? .array([]))
        return Document(object: ["completion": .object(completion)])
    }

    func setLevel(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        let text = try Self.text("level", of: call)
        guard let level = LogLevel(rawValue: text) else {
            let names = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidParams("params.level must be one of \(names), not \(text)")
        }
        session.logLevel = level
        for link in session.ownLinks {
            if let client = link.link.current { await link.upstream.setLevel(level, client) }
        }
        for upstream in server.upstreams where !upstream.isPerClient && upstream.lowerSharedLevel(to: level) {
            if let client = upstreams.shared(upstream).current { await upstream.setLevel(level, client) }
        }
        return Document(object: [:])
    }
}
