// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import PluginFramework
import Values

/// Begins sessions with upstreams, as configured.
struct UpstreamConnector: Sendable {
    /// What the gateway calls itself.
    let info: ValueObject
    /// What HTTP requests are made with.
    let clients: GatewayClients
    let eventLoopGroup: any EventLoopGroup

    /// Begins a session.
    ///
    /// - Parameter home: The event loop of the call that needs it, where its answers had best come in; nil for any.
    func connect(
        _ upstream: UpstreamSettings, memory: MCPEraMemory, authorization: (any MCPClientAuthorization)?,
        capabilities: ValueObject, handler: any MCPClientHandler, limits: GatewayLimits,
        logger: Logger, home: (any EventLoop)? = nil
    ) async throws(MCPClientError) -> MCPClient {
        var clientLimits = MCPClientLimits()
        clientLimits.maxMessageBytes = limits.maximumMessageSize
        clientLimits.connectTimeout = upstream.connectTimeout
        return try await MCPClient.connect(
            Self.transport(of: upstream, authorization, logger: logger), info: info, capabilities: capabilities,
            mode: Self.mode(of: upstream, memory), handler: handler, limits: clientLimits,
            httpClient: clients.client(of: upstream), eventLoop: home ?? eventLoopGroup.next(), logger: logger)
    }

    private static func mode(of upstream: UpstreamSettings, _ memory: MCPEraMemory) -> MCPProtocolMode {
        switch upstream.protocolChoice {
        case .auto: .auto(memory)
        case .handshake: .handshake
        case .modern: .modern
        }
    }

    private static func transport(
        of upstream: UpstreamSettings, _ authorization: (any MCPClientAuthorization)?, logger: Logger
    ) -> MCPClientTransportSettings {
        switch upstream.target {
        case .http(let address):
            var settings = MCPHTTPClientSettings(
                url: address.url, unixSocket: address.socketPath,
                headers: address.headers.map { ($0.name, $0.value) })
            settings.authorization = authorization
            settings.transport =
                switch address.transport {
                case .any: .any
                case .streamable: .streamable
                case .sse: .sse
                }
            return .http(settings)
        case .command(let command):
            var settings = MCPStdioClientSettings(
                command: command.program, arguments: command.arguments,
                environment: command.environment.map { ($0.key, $0.value) },
                workingDirectory: command.workingDirectory)
            // The gateway's own variables hold its secrets.
            settings.inheritsEnvironment = false
            let name = upstream.name
            settings.standardErrorLine = { line in
                logger.info("\(line)", metadata: ["server": "\(name)", "stream": "stderr"])
            }
            return .stdio(settings)
        }
    }
}
