// SPDX-License-Identifier: Apache-2.0

import HTTP
package import PluginFramework
package import TransportSecurity
import Values

/// How a gateway's connections are secured: those of its clients, and its own to servers and issuers.
package struct GatewaySecurity: Sendable {
    /// For clients of the gateway.
    var listener = HTTPServerSecurity.plaintext
    /// For `mcpServers`, by name; only those with a URL over TLS.
    var upstreams: [ByteKey: HTTPClientSecurity] = [:]
    /// For the token endpoints of `mcpServers`, by the server's name.
    var tokenEndpoints: [ByteKey: HTTPClientSecurity] = [:]
    /// For the keys of `auth.issuers`, by issuer.
    var issuers: [ByteKey: HTTPClientSecurity] = [:]

    /// None: connections with TLS fail.
    package init() {}

    /// Makes what configuration asks for: everything that can be wrong with certificates is told here, at start.
    ///
    /// - Parameters:
    ///   - tls: Keeps certificates in step with their files, if it is run.
    ///   - listens: Whether clients come over the network.
    /// - Throws: `SettingsError` with the key in the gateway's configuration.
    package init(_ settings: GatewaySettings, tls: TLSStore, listens: Bool) throws(SettingsError) {
        if listens, let server = settings.listen.tls {
            do throws(TLSSettingsError) {
                listener = .tls(try tls.server(server, for: .http1, place: "listen.tls"))
            } catch {
                throw SettingsError(key: "listen.tls.\(error.key)", error.message)
            }
        }
        func client(
            _ url: String, _ settings: ClientTLSSettings?, _ place: String
        ) throws(SettingsError)
            -> HTTPClientSecurity?
        {
            guard url.lowercased().hasPrefix("https:") else { return nil }
            do throws(TLSSettingsError) {
                return .tls(try tls.client(settings ?? ClientTLSSettings(), for: .http1, place: "\(place).tls"))
            } catch {
                throw SettingsError(key: "\(place).tls.\(error.key)", error.message)
            }
        }
        for upstream in settings.upstreams where !upstream.isDisabled {
            guard case .http(let address) = upstream.target else { continue }
            let key = ByteKey(upstream.name)
            let place = "mcpServers.\(upstream.name)"
            upstreams[key] = try client(address.url, address.tls, place)
            guard let oauth = address.oauth else { continue }
            tokenEndpoints[key] = try client(oauth.tokenURL, oauth.tls, "\(place).oauth")
        }
        for (index, issuer) in settings.authentication.issuers.enumerated() {
            guard case .setURL(let url) = issuer.keys else { continue }
            issuers[ByteKey(issuer.name)] = try client(url, issuer.tls, "auth.issuers.\(index)")
        }
    }
}
