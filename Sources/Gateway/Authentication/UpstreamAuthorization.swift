// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import Logging
import ModelContextProtocol
import PluginFramework

/// How the gateway shows an upstream who it is: with a token of its own, got by client credentials.
struct UpstreamAuthorization: MCPClientAuthorization {
    private static let scheme = "Bearer "

    private let token: Result<UpstreamToken, KeyError>

    /// - Returns: Nil for an upstream that is configured without.
    init?(_ upstream: UpstreamSettings, client: HTTPClient, logger: Logger) {
        guard case .http(let address) = upstream.target, let oauth = address.oauth else { return nil }
        do throws(KeyError) {
            var credentials = ClientCredentials(
                endpoint: try SecureAddress(oauth.tokenURL), clientID: oauth.clientID, clientSecret: oauth.clientSecret)
            credentials.authentication = oauth.method == .basic ? .basic : .post
            credentials.scopes = oauth.scopes
            credentials.resource = oauth.resource
            credentials.audience = oauth.audience
            credentials.timeout = oauth.timeout
            token = .success(UpstreamToken(credentials, client: SecureClient(client), logger: logger))
        } catch {
            token = .failure(error)
        }
    }

    func current() async throws(MCPClientError) -> String {
        do throws(KeyError) {
            return Self.scheme + (try await token.get().current())
        } catch {
            throw Task.isCancelled ? .cancelled : .transport(error.message)
        }
    }

    func reject(_ value: String) {
        guard case .success(let token) = token else { return }
        token.reject(String(value.dropFirst(Self.scheme.count)))
    }
}
