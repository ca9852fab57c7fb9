// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

// prompts/get: the plugins before, the prompt, the plugins after.
extension GatewayApplication {
    func getPrompt(_ call: MCPServerCall, _ session: ClientSession) async throws(JSONRPCError) -> Document {
        let name = try Self.text("name", of: call)
        let target = try await prompt(named: name)
        try await authorize(.prompt, target, call)
        var state = state(of: call, requested: name, target)
        var arguments: Arguments = .asGiven
        if policy.listens(.promptPreFetch) {
            let given = call.params?["arguments"] ?? .null
            guard given.isNull || given.objectValue?.allSatisfy({ $0.value.stringValue != nil }) == true else {
                throw .invalidParams("params.arguments of prompts/get must be an object of strings")
            }
            let payload = Document(object: ["prompt_id": .string(name), "args": given])
            if let change = try await state.run(.promptPreFetch, payload)?.change {
                arguments = .changed(change["args"] ?? .null)
            }
        }
        let params = Self.params(call.params, "name", target.original, "arguments", arguments)
        let round = round(.prompt, call, session)
        return try await round.run(params, state, mayRepeat: true) { (result, state) throws(JSONRPCError) in
            try await Self.reviewPrompt(result, &state)
        }
    }

    /// The prompt that a name means here.
    func prompt(named name: String) async throws(JSONRPCError) -> ServerView.Target {
        if let target = server.view.target(named: name, in: server.view.prompts) { return target }
        if let upstream = server.view.unknownUpstream(for: name) {
            await upstream.settle(within: upstream.settings.connectTimeout)
            if let target = server.view.target(named: name, in: server.view.prompts) { return target }
            try Self.checkIsKnown(upstream)
        }
        throw .invalidParams("Unknown prompt: \(name)")
    }

    private static func reviewPrompt(
        _ result: Document, _ state: inout CallState
    ) async throws(JSONRPCError) -> CallRound.Reviewed {
        let target = state.target
        let names = state.view.resourceNames
        guard state.policy.listens(.promptPostFetch) || !names.isUnchanged else { return .init(result: result) }
        let original = names.exposing(prompt: result.value, of: target.position)
        let payload = Document(object: ["prompt_id": .string(target.exposed), "result": original])
        guard let outcome = try await state.run(.promptPostFetch, payload) else {
            return .init(result: Document(original))
        }
        var reviewed = CallRound.Reviewed(result: Document(original), retryDelay: outcome.retryDelayMilliseconds)
        if let changed = outcome.change?["result"] {
            guard case .object(let object) = changed, let messages = object["messages"]?.arrayValue,
                messages.allSatisfy({ $0["role"]?.stringValue != nil && $0["content"] != nil })
            else {
                throw .internalError(
                    "a plugin made of the prompt's result what it may not be: messages is no list of role and content any more"
                )
            }
            reviewed.result = Document(changed)
        }
        return reviewed
    }
}
