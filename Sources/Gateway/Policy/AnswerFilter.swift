// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// Shows plugins what a client answers when an upstream asks it something (sampling, elicitation, roots).
///
/// An answer goes to the upstream as arguments do, so it goes through the pre hook of its call in their place. At resources, which
/// have no arguments, it is content of the post hook.
struct AnswerFilter: Sendable {
    let policy: Policy
    let point: PolicyPoint
    /// What the call is about, as its hooks name it.
    let subject: String
    /// The state of the call; what plugins note about answers stays with them.
    let request: PipelineRequest

    /// The hook that an answer goes through.
    static func hook(of point: PolicyPoint) -> HookName {
        switch point {
        case .tool, .prompt: point.preHook
        case .resource: point.postHook
        }
    }

    /// The answer as it may go to the upstream.
    ///
    /// - Throws: What the upstream is told when it may not.
    func pass(_ answer: Document) async throws(JSONRPCError) -> Document {
        var request = request
        switch point {
        case .tool:
            let payload: ValueObject = ["name": .string(subject), "args": answer.value, "headers": [:]]
            return try await passed(answer, Document(object: payload), "name", &request)
        case .prompt:
            let payload: ValueObject = ["prompt_id": .string(subject), "args": answer.value]
            return try await passed(answer, Document(object: payload), "prompt_id", &request)
        case .resource:
            let filter = UtteranceFilter(policy: policy, point: point, subject: subject, request: request)
            return Document(try await filter.pass(answer.value))
        }
    }

    private func passed(
        _ answer: Document, _ payload: Document, _ nameKey: String, _ request: inout PipelineRequest
    ) async throws(JSONRPCError) -> Document {
        guard let change = try await policy.run(point.preHook, payload, in: &request)?.change else { return answer }
        guard change[nameKey]?.stringValue?.hasSameBytes(as: subject) ?? true else {
            throw .internalError("a plugin made another call of the client's answer; the answer was left out")
        }
        guard case .object(let changed)? = change["args"] else {
            throw .internalError("a plugin left nothing of the client's answer; the answer was left out")
        }
        return Document(object: changed)
    }
}
