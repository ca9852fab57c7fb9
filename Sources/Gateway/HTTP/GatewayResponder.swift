// SPDX-License-Identifier: Apache-2.0

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
    private let review: ResponseReview

    init(_ routes: [Route], status: GatewayStatus, policy: Policy) {
        var servers: [ByteKey: Route] = [:]
        for route in routes { servers[ByteKey(route.server.map { "/servers/\($0)/mcp" } ?? "/mcp")] = route }
        guard let whole = servers.removeValue(forKey: ByteKey("/mcp")) else {
            preconditionFailure("a gateway has the virtual server that has everything")
        }
        (self.whole, self.servers, self.status) = (whole, servers, status)
        review = ResponseReview(policy)
    }

    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        if let route = route(request.path) {
            review.attach(to: exchange, request, server: route.server)
            route.endpoint.respond(to: request, on: exchange)
            return
        }
        switch request.path {
        case "/health", "/ready", "/version":
            guard request.method == .GET || request.method == .HEAD else {
                exchange.send(Self.text(.methodNotAllowed, "use GET", ["allow": "GET, HEAD"]))
                return
            }
            exchange.send(status.response(to: request.path))
        default:
            exchange.send(
                Self.text(
                    .notFound,
                    "there is nothing here; MCP clients find the gateway at /mcp and its virtual servers at /servers/{id}/mcp"
                ))
        }
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
