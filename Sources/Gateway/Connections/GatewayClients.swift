// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import NIOCore
import PluginFramework
import Sockets
import Synchronization
import Values

/// What a gateway connects to others with: one HTTP client for all connections that are secured alike.
final class GatewayClients: Sendable {
    private let security: GatewaySecurity
    private let configuration: HTTPClientConfiguration
    private let eventLoopGroup: any EventLoopGroup
    private let budget: ByteBudget
    private let logger: Logger
    /// By the identity of their security.
    private let clients = Mutex<[String: HTTPClient]>([:])

    init(
        _ security: GatewaySecurity, limits: GatewayLimits, eventLoopGroup: any EventLoopGroup, budget: ByteBudget,
        logger: Logger
    ) {
        self.security = security
        var configuration = HTTPClientConfiguration()
        // Each session holds a stream open beside its calls.
        configuration.maxConnectionsPerOrigin = 64 + 2 * limits.maximumUpstreamSessions
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
        self.budget = budget
        self.logger = logger
    }

    /// For sessions with an upstream.
    func client(of upstream: UpstreamSettings) -> HTTPClient {
        client(security.upstreams[ByteKey(upstream.name)])
    }

    /// For getting tokens for an upstream.
    func tokenClient(of upstream: UpstreamSettings) -> HTTPClient {
        client(security.tokenEndpoints[ByteKey(upstream.name)])
    }

    /// For getting an issuer's keys.
    func client(of issuer: GatewayTokenIssuer) -> HTTPClient {
        client(security.issuers[ByteKey(issuer.name)])
    }

    /// Closes all connections.
    func shutDown() async {
        for client in clients.withLock({ Array($0.values) }) { await client.shutDown() }
    }

    private func client(_ security: HTTPClientSecurity?) -> HTTPClient {
        let security = security ?? .plaintext
        return clients.withLock { clients in
            if let client = clients[security.identity] { return client }
            let client = HTTPClient(
                configuration: configuration, security: security, eventLoopGroup: eventLoopGroup, budget: budget,
                logger: logger)
            clients[security.identity] = client
            return client
        }
    }
}
