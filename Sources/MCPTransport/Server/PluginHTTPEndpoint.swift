// SPDX-License-Identifier: Apache-2.0

package import HTTP
import NIOCore
import NIOHTTP1
package import PluginFramework
import Synchronization
package import TransportSecurity
import Values

/// Everything that a plugin server answers over HTTP: MCP, health, and metrics.
package final class PluginHTTPEndpoint: HTTPResponder {
    /// What metrics tell of the server beside the plugins.
    package struct ServerInfo: Sendable {
        /// Whether the connection is secured by TLS.
        package var isSecured: Bool
        /// Whether metrics are served.
        package var hasMetrics: Bool

        /// Makes it.
        package init(isSecured: Bool = false, hasMetrics: Bool = true) {
            self.isSecured = isSecured
            self.hasMetrics = hasMetrics
        }
    }

    private let service: any PluginService
    private let mcp: any HTTPResponder
    private let info: ServerInfo
    private let health = Mutex(PluginHealth(isServing: false, plugins: [:]))
    private let statistics: @Sendable () -> HTTPServer.Statistics?
    private let certificates: @Sendable () -> [CertificateExpiry]

    /// Makes the endpoint of a service.
    ///
    /// - Parameters:
    ///   - mcp: what serves the path `/mcp`.
    ///   - statistics: what the server that this endpoint belongs to is doing.
    ///   - certificates: those in use in the process, for metrics.
    package init(
        service: any PluginService, mcp: any HTTPResponder, info: ServerInfo = ServerInfo(),
        statistics: @escaping @Sendable () -> HTTPServer.Statistics? = { nil },
        certificates: @escaping @Sendable () -> [CertificateExpiry] = { [] }
    ) {
        self.service = service
        self.mcp = mcp
        self.info = info
        self.statistics = statistics
        self.certificates = certificates
    }

    /// Takes over the plugins' health as it is now: before the first request is accepted.
    package func publishHealth() async {
        let now = await service.health
        health.withLock { $0 = now }
    }

    /// Keeps what is said of health in step with the plugins until the task is cancelled or the plugins are shut down.
    package func followHealth() async {
        for await now in service.healthUpdates() { health.withLock { $0 = now } }
    }

    package func respond(to request: HTTPServerRequest, on exchange: HTTP.HTTPExchange) {
        var path = request.path
        // A slash at the end is passed over, as the reference's server redirects it away.
        if path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        if path.hasSameBytes(as: "/mcp") {
            mcp.respond(to: request, on: exchange)
        } else if path.hasSameBytes(as: "/health") {
            serve(request, exchange) { healthAnswer }
        } else if path.hasSameBytes(as: "/metrics/prometheus") {
            serve(request, exchange) { metricsAnswer }
        } else {
            exchange.send(.text(.notFound, "there is nothing here; MCP is at /mcp, health at /health"))
        }
    }

    private func serve(_ request: HTTPServerRequest, _ exchange: HTTP.HTTPExchange, _ answer: () -> HTTPServerResponse)
    {
        guard request.method == .GET || request.method == .HEAD else {
            var response = HTTPServerResponse.text(.methodNotAllowed, "use GET")
            response.headers.add(name: "allow", value: "GET, HEAD")
            exchange.send(response)
            return
        }
        exchange.send(answer())
    }

    private var healthAnswer: HTTPServerResponse {
        let now = health.withLock { $0 }
        if now.isServing { return Self.json(.ok, ["status": "healthy"]) }
        let down = now.plugins.filter { !$0.value }.keys.sorted()
        return Self.json(
            .serviceUnavailable, ["status": "unhealthy", "plugins": .array(down.map { .string($0) })])
    }

    private var metricsAnswer: HTTPServerResponse {
        guard info.hasMetrics else {
            return Self.json(.serviceUnavailable, ["error": "Metrics collection is disabled"])
        }
        return PluginServerMetrics(
            isSecured: info.isSecured, health: health.withLock { $0 }, statistics: statistics(),
            certificates: certificates()
        ).response
    }

    private static func json(_ status: HTTPResponseStatus, _ value: Value) -> HTTPServerResponse {
        HTTPServerResponse(
            status: status, headers: ["content-type": "application/json"], body: ByteBuffer(string: "\(value)"))
    }
}
