// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import PluginFramework
import Values

/// What plugins share within one call: made when the first of them is to be asked, and not at all when nobody listens.
struct CallState: Sendable {
    let policy: Policy
    let call: MCPServerCall
    let caller: Caller?
    let server: String?
    let view: ServerView
    /// What the client named.
    let requested: String
    /// What the call is about now.
    var target: ServerView.Target
    /// Headers that plugins want the upstream to get with the call.
    var upstreamHeaders: [(name: String, value: String)] = []
    private var made: PipelineRequest?

    init(
        policy: Policy, call: MCPServerCall, caller: Caller?, server: String?, view: ServerView, requested: String,
        target: ServerView.Target
    ) {
        self.policy = policy
        self.call = call
        self.caller = caller
        self.server = server
        self.view = view
        self.requested = requested
        self.target = target
    }

    /// The state for a hook, about what the call is about now.
    func request(contentType: String? = "application/json") -> PipelineRequest {
        guard var request = made else {
            return policy.request(
                of: caller, server: server, subjects: CallSubjects(view: view, requested: requested),
                metadata: target.metadata, contentType: contentType)
        }
        request.global.contentType = contentType
        request.global.metadata.merge(target.metadata)
        return request
    }

    /// Runs the plugins of a hook.
    ///
    /// - Returns: What they decided; nil when nobody listens.
    /// - Throws: what the client is told when they block.
    mutating func run(
        _ hook: HookName, contentType: String? = "application/json", _ payload: @autoclosure () -> Document
    ) async throws(JSONRPCError) -> PipelineOutcome? {
        guard let pipeline = policy.pipeline,
            made.map({ pipeline.listens(to: hook, in: $0) }) ?? pipeline.listens(to: hook)
        else { return nil }
        var request = request(contentType: contentType)
        if let http = call.http, pipeline.givesCredentials(at: hook, in: request) {
            request.credentials = RequestHeaders.payload(caller?.headers ?? http.request.headers, .secret)
        }
        let outcome = await pipeline.run(hook, payload(), in: &request)
        made = request
        give(outcome.httpHeaders)
        guard let block = outcome.block else { return outcome }
        policy.counters.blocked(at: hook)
        give(block.httpHeaders)
        throw Policy.error(for: block, outcome)
    }

    /// Headers that plugins want the client to get.
    private func give(_ headers: ValueObject) {
        for header in headers {
            guard let value = header.value.stringValue, RequestHeaders.mayAnswer(header.key) else { continue }
            call.setHeader(header.key, value)
        }
    }
}
