// SPDX-License-Identifier: Apache-2.0

import HTTP
import MCPTransport
import ModelContextProtocol
import PluginConfiguration
import PluginFramework
import Sockets
import Synchronization
import TransportSecurity
import Values

/// Plugins over MCP by streamable HTTP, on TCP or a Unix socket, with health and metrics beside it.
struct HTTPServedTransport: ServedTransport {
    let transport = PluginServerTransport.http
    let warnings: [String]
    private let server: HTTPServer
    private let mcp: StreamableHTTPServer
    private let endpoint: PluginHTTPEndpoint

    /// Opens the socket.
    init(_ context: ServingContext) throws(ServingError) {
        let settings = context.settings.mcp
        let security = try context.security(settings.tls, for: .http1, place: "server_settings.tls")
        let listener: ListeningSocket
        do {
            listener = try ListeningSocket.open(
                ListenAddress(host: settings.host, port: settings.port, socket: settings.socket))
        } catch {
            throw ServingError(description: "cannot listen: \(error)", status: ExitStatus.failure)
        }
        let mcp = StreamableHTTPServer(
            application: PluginMCPApplication(
                service: context.host, inlineLimit: settings.inlineLimit, version: ProductVersion.current),
            settings: StreamableHTTPSettings(settings, grace: context.settings.process.gracePeriod),
            eventLoopGroup: context.eventLoopGroup, logger: context.logger)
        let running = RunningServer()
        let endpoint = PluginHTTPEndpoint(
            service: context.host, mcp: mcp,
            info: .init(isSecured: security != nil, hasMetrics: settings.servesMetrics),
            statistics: { running.server?.statistics }, certificates: { [tls = context.tls] in tls.certificates })
        server = HTTPServer(
            listeners: [listener], responder: endpoint,
            configuration: HTTPServerConfiguration(settings, grace: context.settings.process.gracePeriod),
            security: security.map { .tls($0) } ?? .plaintext, eventLoopGroup: context.eventLoopGroup,
            budget: context.budget, logger: context.logger,
            onListening: { context.onListening(.http, $0.map { "\($0)" }) },
            onDraining: { context.draining() })
        running.server = server
        warnings = listener.warnings
        self.mcp = mcp
        self.endpoint = endpoint
    }

    func publishHealth() async { await endpoint.publishHealth() }

    func followHealth() async { await endpoint.followHealth() }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { [mcp, server] tasks in
            tasks.addTask { try await mcp.run() }
            tasks.addTask { try await server.run() }
            // The end of either is that of both: neither ends before the process is asked to, unless it fails.
            defer { tasks.cancelAll() }
            for try await _ in tasks {}
        }
    }
}

/// The server that an endpoint belongs to, which is made after it.
private final class RunningServer: Sendable {
    private struct Reference {
        weak var server: HTTPServer?
    }

    private let reference = Mutex(Reference())

    var server: HTTPServer? {
        get { reference.withLock { $0.server } }
        set { reference.withLock { [newValue] in $0.server = newValue } }
    }
}

extension StreamableHTTPSettings {
    /// What configuration says about the MCP server.
    ///
    /// A server that only this machine reaches over TCP is reached under the names of this machine alone, so that no web page
    /// can reach it under a name of its own.
    init(_ settings: MCPServerSettings, grace: Duration) {
        self.init()
        drainGrace = grace
        limits.maxCalls = settings.maximumRequestsInFlight
        let isLoopback = settings.socket == nil && ServerAddress.isLoopback(settings.host)
        origins = MCPOriginPolicy(hosts: isLoopback ? MCPOriginPolicy.loopbackHosts : nil)
    }
}

extension HTTPServerConfiguration {
    /// What configuration says about the MCP server.
    ///
    /// - Parameter grace: How long requests may still be answered while the server drains.
    init(_ settings: MCPServerSettings, grace: Duration) {
        self.init()
        maxHeaderSize = settings.maximumHeaderSize
        maxBodySize = settings.maximumBodySize
        maxConnections = settings.maximumConnections
        maxRequestsInFlight = settings.maximumRequestsInFlight
        requestTimeout = settings.requestTimeout
        answerTimeout = settings.answerTimeout
        idleTimeout = settings.idleTimeout
        drainGrace = grace
    }
}

/// What an address says about who can reach it.
enum ServerAddress {
    /// Whether it is one of this machine alone.
    static func isLoopback(_ host: String) -> Bool {
        host.hasSameBytes(as: "localhost") || host.hasSameBytes(as: "::1") || host.hasSameBytes(as: "[::1]")
            || host.utf8.starts(with: "127.".utf8)
    }
}
