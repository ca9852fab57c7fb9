// SPDX-License-Identifier: Apache-2.0

extension PrometheusText {
    /// Adds what an HTTP server is doing.
    package mutating func add(_ statistics: HTTPServer.Statistics) {
        add("gatehouse_http_connections", .gauge, "Connections open.", statistics.connections)
        add(
            "gatehouse_http_requests_in_flight", .gauge, "Requests that are being answered.",
            statistics.requestsInFlight)
        add("gatehouse_http_streams", .gauge, "Streams of events open.", statistics.openStreams)
        add("gatehouse_http_requests_total", .counter, "Requests begun.", statistics.requestsStarted)
    }
}
