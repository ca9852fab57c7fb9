// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import NIOHTTP1
import Synchronization

/// `/metrics/prometheus`: what the gateway tells of itself to whoever has a token, if tokens are asked for at all.
///
/// Names of servers, plugins and files are among it; which of the gateway's tokens it is makes no difference.
final class GatewayMetrics: Sendable {
    private struct Reference {
        weak var server: HTTPServer?
    }

    private let authentication: RequestAuthentication
    private let counters: GatewayCounters
    private let upstreams: UpstreamSet
    private let version: String
    private let others: @Sendable (inout PrometheusText) -> Void
    private let server = Mutex(Reference())
    private let tasks: OwnedTasks

    /// - Parameters:
    ///   - tasks: Where tokens are checked that take time.
    ///   - others: Adds what the gateway itself does not know of.
    init(
        _ authentication: RequestAuthentication, counters: GatewayCounters, upstreams: UpstreamSet, version: String,
        tasks: OwnedTasks, others: @escaping @Sendable (inout PrometheusText) -> Void
    ) {
        self.authentication = authentication
        self.counters = counters
        self.upstreams = upstreams
        self.version = version
        self.tasks = tasks
        self.others = others
    }

    /// Names the server that the metrics are about, which is made after its responder.
    func attach(_ server: HTTPServer) { self.server.withLock { [server] in $0.server = server } }

    /// Answers a request.
    func respond(to request: HTTPServerRequest, on exchange: HTTP.HTTPExchange) {
        switch authentication.look(at: request.headers, query: request.query) {
        case .principal: exchange.send(metrics.response)
        case .refused(let refusal): exchange.send(HTTPDenial.refused(refusal).response())
        case .unknown(let token):
            tasks.start { [self] in
                do throws(AuthenticationRefusal) {
                    _ = try await authentication.authenticate(token)
                    exchange.send(metrics.response)
                } catch {
                    exchange.send(HTTPDenial.refused(error).response())
                }
            }
        }
    }

    private var metrics: PrometheusText {
        var metrics = PrometheusText()
        metrics.add("gatehouse_info", .gauge, "Which version runs.", [.init(1, [("version", version)])])
        metrics.add(
            "gatehouse_mcp_server_up", .gauge, "Whether an MCP server behind the gateway can be used.",
            upstreams.all.map { .init($0.status == .up ? 1 : 0, [("server", $0.name)]) })
        metrics.add(
            "gatehouse_mcp_server_sessions", .gauge, "Sessions with an MCP server that are open or begin.",
            upstreams.all.map { .init($0.sessionCount, [("server", $0.name)]) })
        counters.add(to: &metrics)
        if let statistics = server.withLock({ $0.server })?.statistics { metrics.add(statistics) }
        others(&metrics)
        return metrics
    }
}
