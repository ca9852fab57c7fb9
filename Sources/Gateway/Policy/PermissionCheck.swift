// SPDX-License-Identifier: Apache-2.0

import Authentication
import ModelContextProtocol
import PluginFramework
import Values

/// One permission that plugins at `http_auth_check_permission` decide about.
struct PermissionCheck: Sendable {
    /// What is wanted, in ContextForge's words: `tools.execute`.
    let permission: String
    /// The kind of thing that is wanted.
    let resourceType: String
    /// Its name or URI; nil for a whole server.
    let subject: String?
    /// The virtual server.
    let server: String?
    let userAgent: String?

    /// Why it is denied; nil if it is granted, or nobody decides.
    ///
    /// - Throws: what the client is told when a plugin blocks instead of deciding.
    func denial(of caller: Caller?, _ policy: Policy) async throws(JSONRPCError) -> String? {
        let principal = caller?.principal
        var payload: ValueObject = [
            "user_email": .string(principal?.email ?? principal?.userName ?? ""), "permission": .string(permission),
            "resource_type": .string(resourceType), "is_admin": .bool(principal?.isAdmin ?? false),
            "auth_method": .string((principal?.method ?? .anonymous).rawValue),
        ]
        if let team = principal?.teamIDs.first ?? principal?.tenant { payload["team_id"] = .string(team) }
        if let host = caller?.clientHost { payload["client_host"] = .string(host) }
        if let userAgent { payload["user_agent"] = .string(userAgent) }
        var request = policy.request(
            of: caller, server: server, metadata: subject.map { ["resource": .string($0)] } ?? [:])
        let decision = try await policy.run(.httpAuthCheckPermission, Document(object: payload), in: &request)?.change
        guard decision?["granted"]?.boolValue == false else { return nil }
        return decision?["reason"]?.stringValue ?? "a plugin has denied it"
    }
}
