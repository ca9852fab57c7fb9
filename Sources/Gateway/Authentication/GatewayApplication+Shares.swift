// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import ModelContextProtocol
import NIOCore
import PluginFramework
import Values

// What a user may do by the scopes of its token, and how much at a time.
extension GatewayApplication {
    /// Checks that the user's token has the scopes that the upstream's own thing needs.
    ///
    /// - Throws: What is missing; over HTTP the answer is 403 with a challenge, from which clients know which token to get next.
    func checkScopes(
        _ point: PolicyPoint, _ target: ServerView.Target, _ call: MCPServerCall
    ) throws(JSONRPCError) {
        guard let caller = Self.caller(of: call) else { return }
        let principal = caller.principal
        let scopes = target.upstream.neededScopes
        let needed =
            switch point {
            case .tool: scopes.ofTool(target.original)
            case .prompt, .resource: scopes.ofAnything
            }
        guard !principal.scopes.missing(of: needed).isEmpty else { return }
        let message = "The token lacks scopes that \(target.exposed) needs; get one that has them"
        if let challenge = caller.challenge {
            let refusal = challenge.refusal(message, needing: needed)
            if let header = challenge.header(refusal) { call.setHeader("www-authenticate", header) }
            call.setErrorStatus(refusal.status)
        }
        throw JSONRPCError(
            code: PipelineBlock.defaultViolationCode, message: message,
            data: [
                "http_status": 403, "error": "insufficient_scope",
                "scope": .string(ScopeSet(needed).names.joined(separator: " ")),
            ])
    }

    /// Counts a call as part of its user's share.
    ///
    /// - Returns: What to give back; nil where nobody's share is counted.
    /// - Throws: When the user has as much as one may have.
    func takeCall(
        _ call: MCPServerCall
    ) throws(JSONRPCError) -> (kind: FairShares.Kind, identity: PrincipalIdentity)? {
        guard let principal = Self.caller(of: call)?.principal, principal.method != .anonymous else { return nil }
        let kind = FairShares.Kind.call(bytes: call.http?.request.body.readableBytes ?? 0)
        try take(kind, principal.identity)
        return (kind, principal.identity)
    }

    /// Counts a session as part of its user's share.
    ///
    /// - Returns: What to give back; nil where nobody's share is counted.
    /// - Throws: When the user has as much as one may have.
    func takeSession(_ principal: Principal?) throws(JSONRPCError) -> PrincipalIdentity? {
        guard let principal, principal.method != .anonymous else { return nil }
        try take(.session, principal.identity)
        return principal.identity
    }

    private func take(_ kind: FairShares.Kind, _ identity: PrincipalIdentity) throws(JSONRPCError) {
        do throws(FairShares.Excess) {
            try shares.take(kind, for: identity)
        } catch {
            throw JSONRPCError(
                code: JSONRPCError.internalErrorCode, message: error.message,
                data: ["http_status": 429, "limit": .string("max_\(error.limit)_per_user")])
        }
    }
}

extension FairShareLimits {
    /// The limits as configured.
    init(_ limits: GatewayLimits) {
        self.init()
        calls = limits.maximumCallsPerUser
        sessions = limits.maximumSessionsPerUser
        bytes = limits.maximumBytesPerUser
    }
}
