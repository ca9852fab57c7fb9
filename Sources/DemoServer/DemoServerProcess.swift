// SPDX-License-Identifier: Apache-2.0

internal import HTTP
package import Logging
internal import ModelContextProtocol
package import NIOCore
internal import NIOHTTP1
internal import ServiceLifecycle
package import Sockets
internal import UnixSignals

/// One run of the demo server: over standard input and output, or over HTTP.
package struct DemoServerProcess: Sendable {
    private let version: String
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger

    /// Makes a run.
    package init(version: String, eventLoopGroup: any EventLoopGroup, logger: Logger) {
        self.version = version
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
    }

    /// Serves one client over standard input and output until it closes our input, or until SIGTERM or SIGINT.
    package func serveStdio() async throws {
        let server = StdioServer(
            application: DemoApplication(version: version), eventLoopGroup: eventLoopGroup, logger: logger)
        try await serve([
            .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)
        ])
    }

    /// Serves clients over HTTP, at the path `/mcp`, until SIGTERM or SIGINT.
    ///
    /// - Parameter onListening: called with the addresses once connections are accepted.
    package func serveHTTP(
        at address: ListenAddress, onListening: @escaping @Sendable ([ListenAddress]) -> Void
    ) async throws {
        let listener = try ListeningSocket.open(address)
        var settings = StreamableHTTPSettings()
        if case .unix = address { settings.origins.hosts = nil }
        let endpoint = StreamableHTTPServer(
            application: DemoApplication(version: version), settings: settings, eventLoopGroup: eventLoopGroup,
            logger: logger)
        let server = HTTPServer(
            listeners: [listener], responder: OnePath(path: "/mcp", endpoint: endpoint),
            eventLoopGroup: eventLoopGroup, budget: ByteBudget(), logger: logger, onListening: onListening)
        // Shut down from the last to the first: sessions and their streams end before connections.
        try await serve([.init(service: server), .init(service: endpoint)])
    }

    private func serve(_ services: [ServiceGroupConfiguration.ServiceConfiguration]) async throws {
        try await ServiceGroup(
            configuration: .init(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        ).run()
    }

    /// What the services' lifecycle says is of interest to those who debug it.
    private var quiet: Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

/// Serves one endpoint at one path; all other paths are unknown.
private struct OnePath: HTTPResponder {
    let path: String
    let endpoint: StreamableHTTPServer

    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        guard request.path == path else {
            exchange.send(.text(.notFound, "There is nothing at \(request.path); the MCP endpoint is \(path)"))
            return
        }
        endpoint.respond(to: request, on: exchange)
    }
}
