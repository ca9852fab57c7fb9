// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

// resources/read, subscribe and unsubscribe.
extension GatewayApplication {
    func readResource(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        let uri = try Self.text("uri", of: call)
        let target = try resource(uri)
        try await authorize(.resource, target, call)
        var state = state(of: call, requested: uri, target)
        let payload = ResourceRequest(uri: uri, metadata: [:]).document
        if let changed = try await state.run(.resourcePreFetch, payload)?.change?["uri"]?.stringValue,
            !changed.hasSameBytes(as: uri)
        {
            state.target = try resource(changed)
            try await authorize(.resource, state.target, call)
        }
        let params = Self.params(call.params, "uri", state.target.original, nil, .asGiven)
        let round = round(.resource, call, session)
        return try await round.run(params, state, mayRepeat: true) { (result, state) throws(JSONRPCError) in
            try await Self.reviewResource(result, &state)
        }
    }

    /// The resource that a URI means here.
    private func resource(_ uri: String) throws(JSONRPCError) -> ServerView.Target {
        guard let target = server.view.target(uri: uri) else {
            throw JSONRPCError(
                code: JSONRPCError.resourceNotFoundCode, message: "Resource not found", data: ["uri": .string(uri)])
        }
        return target
    }

    /// The plugins after: each of the contents is shown to them by itself.
    private static func reviewResource(
        _ result: Document, _ state: inout CallState
    ) async throws(JSONRPCError) -> CallRound.Reviewed {
        let target = state.target
        let names = state.view.resourceNames
        guard state.policy.listens(.resourcePostFetch) || !names.isUnchanged else { return .init(result: result) }
        let original = names.exposing(contents: result.value, of: target.position)
        guard state.policy.listens(.resourcePostFetch), case .object(var object) = original,
            let contents = object["contents"]?.arrayValue
        else { return .init(result: Document(original)) }
        var reviewed: [Value] = []
        var delay = 0
        for content in contents {
            let uri = content["uri"]?.stringValue ?? target.exposed
            let payload = ResourceContent(uri: uri, content: Self.payload(of: content)).document
            let outcome = try await state.run(
                .resourcePostFetch, contentType: content["mimeType"]?.stringValue, payload)
            delay = max(delay, outcome?.retryDelayMilliseconds ?? 0)
            if let changed = outcome?.change?["content"] {
                reviewed.append(try Self.content(changed, original: content))
            } else {
                reviewed.append(content)
            }
        }
        object["contents"] = .array(reviewed)
        return .init(result: Document(object: object), retryDelay: delay)
    }

    /// One of the contents as plugins know it.
    private static func payload(of content: Value) -> Value {
        guard case .object(let object) = content else { return content }
        var payload: ValueObject = ["type": "resource"]
        payload.merge(object)
        return .object(payload)
    }

    /// What a plugin made of one of the contents; it stays the same resource.
    private static func content(_ changed: Value, original: Value) throws(JSONRPCError) -> Value {
        var content = original.objectValue ?? [:]
        switch changed {
        case .string(let text):
            content["text"] = .string(text)
            content["blob"] = nil
        case .object(let object):
            guard (object["text"]?.stringValue != nil) != (object["blob"]?.stringValue != nil) else {
                throw .internalError(
                    "a plugin made of a resource's content what it may not be: it has neither text nor blob, or both")
            }
            let uri = content["uri"]
            content = object
            content["uri"] = uri
            if original["type"] == nil { content["type"] = nil }
        default:
            throw .internalError(
                "a plugin made of a resource's content what it may not be: it is \(changed.kindDescription)")
        }
        return .object(content)
    }

    // MARK: Subscriptions

    func subscribe(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        let target = try resource(try Self.text("uri", of: call))
        try await authorize(.resource, target, call)
        guard target.upstream.catalog?.can("resources", "subscribe") ?? true else {
            throw .methodNotFound(call.method)
        }
        guard session.subscribe(target.exposed) else { return Document(object: [:]) }
        guard !target.upstream.isModern else {
            await upstreams.subscribe(session, target)
            return Document(object: [:])
        }
        let own = session.ownLink(to: target.upstream)
        if own == nil, !target.upstream.subscriptions.add(session, target.original) { return Document(object: [:]) }
        do throws(JSONRPCError) {
            let answer = try await forward(call, target, session)
            own?.watch()
            return answer
        } catch {
            _ = session.unsubscribe(target.exposed)
            _ = target.upstream.subscriptions.remove(session, target.original)
            throw error
        }
    }

    func unsubscribe(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        let target = try resource(try Self.text("uri", of: call))
        guard session.unsubscribe(target.exposed) else { return Document(object: [:]) }
        guard !target.upstream.isModern else {
            if target.upstream.subscriptions.remove(session, target.original) {
                target.upstream.changes.follow(target.upstream)
            }
            return Document(object: [:])
        }
        if session.ownLink(to: target.upstream) == nil, !target.upstream.subscriptions.remove(session, target.original)
        {
            return Document(object: [:])
        }
        return try await forward(call, target, session)
    }

    private func forward(
        _ call: MCPServerCall, _ target: ServerView.Target, _ session: ClientSession
    ) async throws(JSONRPCError) -> Document {
        let params = Self.params(call.params, "uri", target.original, nil, .asGiven)
        let round = round(.resource, call, session)
        return try await round.ask(params, state(of: call, requested: target.exposed, target)).whole()
    }
}
