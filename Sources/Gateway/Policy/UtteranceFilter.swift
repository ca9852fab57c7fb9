// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// Shows plugins what an upstream says besides the result of a call: errors, progress, log messages, questions.
///
/// It goes through the post hook of the call, as text. What they block, and what is no text any more afterwards, is not handed on.
struct UtteranceFilter: Sendable {
    let policy: Policy
    let point: PolicyPoint
    /// What the call is about, as the post hook will name it.
    let subject: String
    /// The state of the call; what plugins note about utterances stays with them.
    let request: PipelineRequest

    /// The text as it may be handed on.
    ///
    /// - Throws: what the client is told, or nobody if it is not to be told, when it may not.
    func pass(_ text: String, isError: Bool = false) async throws(JSONRPCError) -> String {
        var request = request
        let payload = point.utterance(text, about: subject, isError: isError)
        guard let change = try await policy.run(point.postHook, payload, in: &request)?.change else { return text }
        guard let changed = point.text(of: change) else {
            throw .internalError("a plugin made of a text of the MCP server what is no text any more; it was left out")
        }
        return changed
    }

    /// A value as it may be handed on: shown as JSON text.
    func pass(_ value: Value) async throws(JSONRPCError) -> Value {
        if case .string(let text) = value { return .string(try await pass(text)) }
        let text = value.description
        let changed = try await pass(text)
        guard !changed.hasSameBytes(as: text) else { return value }
        do throws(ValueError) {
            return try JSONParser.decode(changed.utf8)
        } catch {
            throw .internalError("a plugin made of data of the MCP server what is no JSON any more; it was left out")
        }
    }

    /// An error of the upstream as it may be handed on.
    func pass(_ error: JSONRPCError) async -> JSONRPCError {
        do throws(JSONRPCError) {
            var passed = error
            passed.message = try await pass(error.message, isError: true)
            if let data = error.data { passed.data = try await pass(data) }
            return passed
        } catch {
            return error
        }
    }
}
