// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Values

/// Brings a request to the endpoint of its path.
final class GatewayResponder: HTTPResponder {
    /// An endpoint of MCP.
    struct Route: Sendable {
        /// The virtual server; nil for the one that has everything.
        let server: String?
        let endpoint: StreamableHTTPServer
    }

    private let whole: Route
    private let servers: [ByteKey: Route]
    private let status: GatewayStatus
    private let metrics: GatewayMetrics
    private let review: ResponseReview
    private let resource: ProtectedResource?

    /// - Parameters:
    ///   - tasks: Where plugins look at answers.
    ///   - resource: What clients are told about how to get a token.
    init(
        _ routes: [Route], status: GatewayStatus, metrics: GatewayMetrics, policy: Policy,
        tasks: OwnedTasks, resource: ProtectedResource? = nil
    ) {
        var servers: [ByteKey: Route] = [:]
        for route in routes { servers[ByteKey(Self.path(of: route.server))] = route }
        guard let whole = servers.removeValue(forKey: ByteKey("/mcp")) else {
            preconditionFailure("a gateway has the virtual server that has everything")
        }
        (self.whole, self.servers, self.status, self.resource) = (whole, servers, status, resource)
        self.metrics = metrics
        review = ResponseReview(policy, tasks: tasks)
    }

    /// The path of a virtual server's endpoint; nil for the one that has everything.
    static func path(of server: String?) -> String { server.map { "/servers/\($0)/mcp" } ?? "/mcp" }

    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        if let route = route(request.path) {
            review.attach(to: exchange, request, server: route.server)
            route.endpoint.respond(to: request, on: exchange)
            return
        }
        switch request.path {
        case "/health", "/ready", "/version", "/metrics/prometheus":
            guard request.method == .GET || request.method == .HEAD else {
                exchange.send(Self.text(.methodNotAllowed, "use GET", ["allow": "GET, HEAD"]))
                return
            }
            if request.path == "/metrics/prometheus" {
                metrics.respond(to: request, on: exchange)
            } else {
                exchange.send(status.response(to: request.path))
            }
        default:
            if let document = metadata(request.path) {
                exchange.send(Self.metadata(document, for: request.method))
                return
            }
            exchange.send(
                Self.text(
                    .notFound,
                    "there is nothing here; MCP clients find the gateway at /mcp and its virtual servers at /servers/{id}/mcp"
                ))
        }
    }

    /// The document about the gateway or one of its endpoints (RFC 9728) that is at this path.
    private func metadata(_ path: String) -> Value? {
        guard let resource, let path = ProtectedResource.resourcePath(ofDocument: path) else { return nil }
        guard !path.isEmpty else { return resource.document(forPath: "") }
        return route(path).map { resource.document(forPath: Self.path(of: $0.server)) }
    }

    private static func metadata(_ document: Value, for method: HTTPMethod) -> HTTPServerResponse {
        guard method == .GET || method == .HEAD else {
            return text(.methodNotAllowed, "use GET", ["allow": "GET, HEAD"])
        }
        // Clients in web pages of any origin have to read it, and nothing in it is secret.
        return HTTPServerResponse(
            status: .ok, headers: ["content-type": "application/json", "access-control-allow-origin": "*"],
            body: ByteBuffer(string: document.description))
    }

    private func route(_ path: String) -> Route? {
        // Nearly all requests, without hashing.
        if path.hasSameBytes(as: "/mcp") || path.hasSameBytes(as: "/mcp/") { return whole }
        guard path.utf8.starts(with: "/servers/".utf8) else { return nil }
        let trimmed = path.utf8.last == UInt8(ascii: "/") ? String(path.dropLast()) : path
        return servers[ByteKey(trimmed)]
    }

    private static func text(
        _ status: HTTPResponseStatus, _ text: String, _ headers: HTTPHeaders = [:]
    ) -> HTTPServerResponse {
        var response = HTTPServerResponse.text(status, text)
        for (name, value) in headers { response.headers.replaceOrAdd(name: name, value: value) }
        return response
    }
}
