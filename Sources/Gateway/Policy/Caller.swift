// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import NIOHTTP1
import PluginFramework
import TransportSecurity
import Values

/// Who makes a request, as far as that was verified, and from where.
final class Caller: Sendable {
    /// Who it is.
    let principal: Principal
    /// The client's address; nil over a Unix socket.
    let clientHost: String?
    /// The client's port.
    let clientPort: Int?
    /// What the client's certificate says, if it showed one that was verified.
    let certificate: CallerIdentity?
    /// The request's headers as plugins at `http_pre_request` made them; nil for as they came.
    let headers: HTTPHeaders?
    /// What to tell it when its token does not suffice.
    let challenge: ScopeChallenge?

    init(_ principal: Principal, _ peer: HTTPPeer, headers: HTTPHeaders? = nil, challenge: ScopeChallenge? = nil) {
        self.principal = principal
        self.challenge = challenge
        self.headers = headers
        certificate = peer.identity.map { CallerIdentity($0) }
        if case .ip(let host, let port) = peer.address {
            (clientHost, clientPort) = (host, port)
        } else {
            (clientHost, clientPort) = (nil, nil)
        }
    }
}

extension Principal {
    /// The user by name: the text, or the first attribute that is one.
    var userName: String? {
        switch user {
        case .string(let name)?: name
        case .object(let attributes)?:
            ["email", "username", "user_id", "id", "sub", "name"].lazy.compactMap { attributes[$0]?.stringValue }.first
        default: email
        }
    }

    /// Scopes as a list or as text; none where a plugin names none.
    private static func scopes(_ value: Value?) -> ScopeSet {
        if let text = value?.stringValue { return ScopeSet(spaceSeparated: text) }
        return ScopeSet((value?.arrayValue ?? []).compactMap(\.stringValue))
    }

    /// The user that a plugin found.
    ///
    /// - Returns: Nil for an object that names nobody.
    static func found(_ attributes: ValueObject, servers: [String]? = nil) -> Principal? {
        let user = Value.object(attributes)
        let names = ["email", "username", "user_id", "id", "sub", "name"]
        guard let name = names.lazy.compactMap({ attributes[$0]?.stringValue }).first(where: { !$0.isEmpty }) else {
            return nil
        }
        return Principal(
            method: .plugin, subject: name, scopes: scopes(attributes["scopes"]),
            tenant: ["tenant_id", "tenant"].lazy.compactMap { attributes[$0]?.stringValue }.first,
            email: attributes["email"]?.stringValue, isAdmin: attributes["is_admin"]?.boolValue ?? false,
            servers: servers, user: user)
    }
}
