// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import ModelContextProtocol
import PluginFramework
import Synchronization
import TransportSecurity
import Values

/// The chain of plugins as the gateway uses it: what they are told about a request, and what a block becomes.
final class Policy: Sendable {
    /// The chain; nil when plugins are switched off or none are configured.
    let pipeline: Pipeline?
    /// `include_user_info`: whether plugins see all that is known of a user, or the name alone.
    let includesUserInfo: Bool

    /// What happened.
    let counters = GatewayCounters()

    private let requestPrefix = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    private let requestNumber = Atomic<UInt64>(0)

    init(_ pipeline: Pipeline?, includesUserInfo: Bool) {
        self.pipeline = pipeline
        self.includesUserInfo = includesUserInfo
    }

    /// Whether any plugin may be asked at a hook: if not, nothing need be built for it.
    func listens(_ hook: HookName) -> Bool { pipeline?.listens(to: hook) ?? false }

    /// Whether any plugin looks at what upstreams answer.
    var listensToResults: Bool {
        listens(.toolPostInvoke) || listens(.promptPostFetch) || listens(.resourcePostFetch)
    }

    /// The state of a new request.
    ///
    /// Who makes it comes from what was verified, and the server from the route: nothing of it from what a client says of itself.
    ///
    /// - Parameter peer: Where it comes from, while it is not known who makes it.
    func request(
        of caller: Caller?, at peer: HTTPPeer? = nil, server: String?, subjects: (any PipelineSubjects)? = nil,
        metadata: ValueObject = [:], contentType: String? = nil
    ) -> PipelineRequest {
        let number = requestNumber.wrappingAdd(1, ordering: .relaxed).newValue
        var global = GlobalContext(requestID: "\(requestPrefix)-\(number)")
        if let principal = caller?.principal {
            global.user = includesUserInfo ? principal.user : principal.userName.map { .string($0) }
            global.tenantID = principal.tenant
        }
        global.serverID = server
        global.contentType = contentType
        global.metadata = metadata
        var request = PipelineRequest(global)
        request.subjects = subjects
        request.caller = caller?.certificate ?? peer?.identity.map { CallerIdentity($0) }
        return request
    }

    /// Runs the plugins of a hook.
    ///
    /// - Returns: What they decided; nil when nobody listens.
    /// - Throws: what the client is told when they block.
    func run(
        _ hook: HookName, _ payload: @autoclosure () -> Document, in request: inout PipelineRequest
    ) async throws(JSONRPCError) -> PipelineOutcome? {
        guard let pipeline, pipeline.listens(to: hook, in: request) else { return nil }
        let outcome = await pipeline.run(hook, payload(), in: &request)
        if let block = outcome.block {
            counters.blocked(at: hook)
            throw Self.error(for: block, outcome)
        }
        return outcome
    }

    /// A block as clients of MCP get it: a JSON-RPC error with HTTP status 200, because they drop the session on any other.
    static func error(for block: PipelineBlock, _ outcome: PipelineOutcome) -> JSONRPCError {
        let error = block.jsonRPCError
        var data = error.data
        if block.httpStatus != 200 { data["http_status"] = .int(Int64(block.httpStatus)) }
        if outcome.retryDelayMilliseconds > 0 {
            data["retry_delay_ms"] = .int(Int64(outcome.retryDelayMilliseconds))
        }
        return JSONRPCError(code: error.code, message: error.message, data: data.isEmpty ? nil : .object(data))
    }
}

/// Names of one call, beside those of its virtual server: what the client asked for before a plugin changed it.
struct CallSubjects: PipelineSubjects {
    let view: ServerView
    /// What the client named.
    let requested: String

    func otherNames(of subject: String, at hook: HookName) -> [String] {
        let others = view.otherNames(of: subject, at: hook)
        guard !subject.hasSameBytes(as: requested) else { return others }
        return others + [requested] + view.otherNames(of: requested, at: hook)
    }
}
