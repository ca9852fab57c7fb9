// SPDX-License-Identifier: Apache-2.0

import Glibc
import ModelContextProtocol
import PluginFramework
import Values

// tools/call: the plugins before, the tool, the plugins after.
extension GatewayApplication {
    func callTool(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        let name = try Self.text("name", of: call)
        let target = try await tool(named: name)
        try await authorize(.tool, target, call)
        var state = state(of: call, requested: name, target)
        var arguments: Arguments = .asGiven
        if let change = try await state.run(.toolPreInvoke, Self.payload(call, name))?.change {
            let changed = change["name"]?.stringValue ?? name
            if !changed.hasSameBytes(as: name) {
                // What a plugin asks for instead is asked for as if the client had.
                state.target = try await tool(named: changed)
                try await authorize(.tool, state.target, call)
            }
            arguments = .changed(change["args"] ?? .null)
            state.upstreamHeaders = RequestHeaders.added(change["headers"], to: Self.headers(of: call))
        }
        let params = Self.params(call.params, "name", state.target.original, "arguments", arguments)
        let round = round(.tool, call, session)
        return try await round.run(params, state, mayRepeat: state.target.mayRepeat) {
            (result, state) throws(JSONRPCError) in
            try await Self.reviewTool(result, &state)
        }
    }

    /// The tool that a name means here.
    private func tool(named name: String) async throws(JSONRPCError) -> ServerView.Target {
        let view = server.view
        if let target = view.target(named: name, in: view.tools) { return target }
        if let upstream = view.unknownUpstream(for: name) {
            await upstream.settle(within: upstream.settings.connectTimeout)
            if let target = server.view.target(named: name, in: server.view.tools) { return target }
            try Self.checkIsKnown(upstream)
        }
        throw .invalidParams("Unknown tool: \(name)")
    }

    private static func payload(_ call: MCPServerCall, _ name: String) -> Document {
        Document(object: [
            "name": .string(name), "args": call.params?["arguments"] ?? .null, "headers": .object(headers(of: call)),
        ])
    }

    /// The plugins after the tool.
    private static func reviewTool(
        _ result: Document, _ state: inout CallState
    ) async throws(JSONRPCError) -> CallRound.Reviewed {
        let target = state.target
        let names = state.view.resourceNames
        guard state.policy.listens(.toolPostInvoke) else {
            return .init(result: names.exposed(toolResult: result, target))
        }
        let original = names.exposing(toolResult: result.value, of: target.position)
        let payload = ToolResult(name: target.exposed, result: original).document
        guard let outcome = try await state.run(.toolPostInvoke, payload) else {
            return .init(result: Document(original))
        }
        var reviewed = CallRound.Reviewed(
            result: names.isUnchanged ? result : Document(original), retryDelay: outcome.retryDelayMilliseconds)
        if let changed = outcome.change?["result"] {
            let review = ResultReview(schema: target.item?["outputSchema"])
            reviewed.result = Document(try review.review(changed, original: original))
        }
        return reviewed
    }
}

extension ResourceNames {
    /// A result with URIs as clients know them; decoded only if it may hold any.
    fileprivate func exposed(toolResult result: Document, _ target: ServerView.Target) -> Document {
        guard !isUnchanged, result.mayHoldResources else { return result }
        return Document(exposing(toolResult: result.value, of: target.position))
    }
}

extension Document {
    /// Whether a block of content in it may be a resource or a link to one.
    fileprivate var mayHoldResources: Bool {
        guard let json = encoded as? EncodedJSON else { return true }
        // An escape can hide any text.
        return json.withBytes { $0.mayContain("\"resource") || $0.mayContain("\\u") }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether a text, which is not to be empty, is in it.
    func mayContain(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard var next = baseAddress, self.count >= count else { return false }
        let end = next + (self.count - count + 1)
        while next < end, let found = memchr(next, Int32(text.utf8Start[0]), end - next) {
            if memcmp(found, text.utf8Start, count) == 0 { return true }
            next = UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) + 1
        }
        return false
    }
}
