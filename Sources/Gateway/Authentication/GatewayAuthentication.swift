// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import Logging
import PluginFramework
import ServiceLifecycle
import Values

/// Who may come in, as configured: tokens, issuers with their keys, and what clients are told about both.
struct GatewayAuthentication: Sendable {
    /// Decides who a request comes from.
    let requests: RequestAuthentication
    /// What clients are told about how to get a token; nil for nothing.
    let resource: ProtectedResource?
    /// The scopes that everything needs.
    let requiredScopes: [String]
    /// What fetches keys, to be run while requests are served.
    let services: [any Service]

    /// Makes what is configured; keys of the configuration are read, those that issuers publish are fetched when the services run.
    ///
    /// - Throws: What cannot be used as a key, with its place.
    static func make(
        _ settings: GatewaySettings, clients: GatewayClients, logger: Logger
    ) async throws(KeyError) -> GatewayAuthentication {
        var authenticators: [any Authenticator] = []
        if !settings.tokens.isEmpty {
            authenticators.append(
                StaticTokens(settings.tokens.enumerated().map { ($1.token, Principal($1, number: $0)) }))
        }
        var issuers: [TokenIssuer] = []
        var services: [any Service] = []
        for (index, configured) in settings.authentication.issuers.enumerated() {
            let keys: any KeySource
            do throws(KeyError) {
                keys = try await Self.keys(
                    configured, client: SecureClient(clients.client(of: configured)), logger: logger)
            } catch {
                throw KeyError("auth.issuers[\(index)]: \(error.message)")
            }
            if let published = keys as? PublishedKeys { services.append(published) }
            issuers.append(TokenIssuer(configured, keys: keys))
        }
        if !issuers.isEmpty { authenticators.append(JWTAuthenticator(issuers: issuers)) }
        return GatewayAuthentication(
            requests: RequestAuthentication(authenticators), resource: Self.resource(settings),
            requiredScopes: settings.authentication.requiredScopes, services: services)
    }

    private static func keys(
        _ issuer: GatewayTokenIssuer, client: SecureClient, logger: Logger
    ) async throws(KeyError) -> any KeySource {
        var times = PublishedKeysTimes()
        times.refreshInterval = issuer.refreshInterval
        times.minimumInterval = issuer.minimumInterval
        times.maximumAge = issuer.maximumAge
        times.timeout = issuer.timeout
        switch issuer.keys {
        case .secret(let secret):
            return ConfiguredKey(try await .secret(Array(secret.utf8), keyID: issuer.keyID))
        case .publicKeyFile(let path):
            do throws(KeyError) {
                let pem = String(decoding: try KeyFile.read(path), as: UTF8.self)
                return ConfiguredKey(try await .pem(pem, keyID: issuer.keyID))
            } catch {
                throw KeyError("public_key_file \"\(path)\" \(error.message)")
            }
        case .setFile(let path):
            return PublishedKeys(inFile: path, times: times, logger: logger)
        case .setURL(let url):
            return PublishedKeys(at: try SecureAddress(url), times: times, client: client, logger: logger)
        }
    }

    private static func resource(_ settings: GatewaySettings) -> ProtectedResource? {
        guard let base = settings.authentication.resource else { return nil }
        var scopes = settings.authentication.requiredScopes + settings.servers.flatMap(\.scopes)
        for upstream in settings.upstreams where !upstream.isDisabled {
            scopes += upstream.scopes + upstream.toolScopes.flatMap(\.scopes)
        }
        return ProtectedResource(
            base: base, authorizationServers: settings.authentication.issuers.map(\.name),
            scopes: ScopeSet(scopes).names)
    }
}

extension TokenIssuer {
    /// An issuer as configured.
    init(_ configured: GatewayTokenIssuer, keys: any KeySource) {
        self.init(name: configured.name, audiences: configured.audiences, keys: keys)
        clockSkew = configured.clockSkew.components.seconds
        maximumLifetime = configured.maximumLifetime?.components.seconds
        let names = configured.claims
        claims.subject = names.subject ?? claims.subject
        claims.email = names.email ?? claims.email
        claims.tenant = names.tenant ?? claims.tenant
        claims.teams = names.teams ?? claims.teams
        claims.scopes = names.scopes.map { [$0] } ?? claims.scopes
        claims.admin = names.admin ?? claims.admin
        claims.servers = names.servers
    }
}

extension Principal {
    /// Who has a token of the configuration.
    convenience init(_ token: GatewayToken, number: Int) {
        let name: String?
        switch token.user {
        case .string(let text)?: name = text
        case .object(let attributes)?: name = attributes["email"]?.stringValue ?? attributes["id"]?.stringValue
        default: name = nil
        }
        self.init(
            method: .staticToken, subject: name ?? "token \(number)", scopes: token.scopes.map { ScopeSet($0) } ?? .all,
            tenant: token.tenant, email: token.user?["email"]?.stringValue,
            isAdmin: token.user?["is_admin"]?.boolValue ?? false, servers: token.servers.isEmpty ? nil : token.servers,
            user: token.user)
    }
}
