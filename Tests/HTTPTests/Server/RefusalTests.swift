// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

/// What is no proper request, or too much of one, is answered with its reason, and the connection is closed.
@Suite struct RefusalTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        let status: Int
        var testDescription: String { name }
    }

    static let chunked = "Transfer-Encoding: chunked\r\n"

    @Test(arguments: [
        Bad(name: "no request at all", bytes: "\u{16}\u{3}\u{1}\u{2}\r\n\r\n", status: 400),
        Bad(name: "HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 400),
        Bad(name: "no host", bytes: "GET / HTTP/1.1\r\n\r\n", status: 400),
        Bad(name: "two hosts", bytes: get("/", "Host: other\r\n"), status: 400),
        Bad(name: "a host with a path", bytes: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", status: 400),
        Bad(
            name: "length and chunks",
            bytes: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\(chunked)\r\n0\r\n\r\n", status: 400),
        Bad(
            name: "chunks and length",
            bytes: "POST / HTTP/1.1\r\nHost: a\r\n\(chunked)Content-Length: 3\r\n\r\n0\r\n\r\n", status: 400),
        Bad(
            name: "two lengths",
            bytes: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            status: 400),
        Bad(
            name: "a length with a sign", bytes: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
            status: 400),
        Bad(
            name: "a length that overflows", bytes: post("/", "", "Content-Length: 99999999999999999999\r\n"),
            status: 400),
        Bad(
            name: "an unknown coding", bytes: get("/", "Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n",
            status: 501),
        Bad(name: "chunked twice", bytes: get("/", chunked + chunked) + "0\r\n\r\n", status: 400),
        Bad(name: "chunks of HTTP/1.0", bytes: "POST / HTTP/1.0\r\n\(chunked)\r\n0\r\n\r\n", status: 400),
        Bad(name: "a bad chunk size", bytes: get("/", chunked) + "xyz\r\n", status: 400),
        Bad(name: "a folded header", bytes: get("/", "X: a\r\n b\r\n"), status: 400),
        Bad(name: "a space before the colon", bytes: get("/", "X : a\r\n"), status: 400),
        Bad(name: "a name that is no token", bytes: get("/", "X(y): a\r\n"), status: 400),
        Bad(name: "a NUL in a value", bytes: get("/", "X: a\u{0}b\r\n"), status: 400),
        Bad(name: "a bare CR in a value", bytes: get("/", "X: a\rb\r\n"), status: 400),
        Bad(name: "a space in the target", bytes: "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Bad(name: "an unknown expectation", bytes: get("/", "Expect: 200-ok\r\n"), status: 417),
    ])
    func aBadRequestIsRefused(_ bad: Bad) async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(port: server.port, [bad.bytes])
            #expect(answer.hasPrefix("HTTP/1.1 \(bad.status) "), "\(answer)")
            #expect(answer.contains("connection: close\r\n"))
            #expect(answer.ranges(of: "content-length:").count == 1, "one answer, not \(answer)")
        }
    }

    @Test func aHeadOverTheLimitIsRefused() async throws {
        try await TestServer.with(configure: { $0.maxHeaderSize = 1_000 }) { server in
            let long = String(repeating: "a", count: 2_000)
            for request in [get("/" + long), get("/", "X: \(long)\r\n"), "GET /" + long] {
                let answer = try await RawConnection.exchange(port: server.port, [request])
                #expect(answer.hasPrefix("HTTP/1.1 431 "), "\(answer)")
                #expect(answer.contains("server_settings.max_header_size"))
            }
            let many = String(repeating: "X: a\r\n", count: 150)
            #expect(
                try await RawConnection.exchange(port: server.port, [get("/", many)]).hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func trailersCountAsHeaders() async throws {
        try await TestServer.with(configure: { $0.maxHeaderSize = 1_000 }) { server in
            let long = String(repeating: "a", count: 2_000)
            let answer = try await RawConnection.exchange(
                port: server.port, [get("/", Self.chunked) + "0\r\nX: \(long)\r\n\r\n"])
            #expect(answer.hasPrefix("HTTP/1.1 431 "), "\(answer)")
        }
    }

    @Test func aBodyOverTheLimitIsRefusedBeforeItIsSent() async throws {
        try await TestServer.with(configure: { $0.maxBodySize = 100 }) { server in
            let announced = try await RawConnection.exchange(
                port: server.port, ["POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n"]
            )
            #expect(announced.hasPrefix("HTTP/1.1 413 "))
            #expect(announced.contains("server_settings.max_body_size"))
            let chunk = "40\r\n" + String(repeating: "a", count: 64) + "\r\n"
            let unannounced = try await RawConnection.exchange(
                port: server.port, [get("/", Self.chunked), chunk, chunk, chunk])
            #expect(unannounced.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func bytesBeyondTheBudgetAreRefusedAndAllAreGivenBack() async throws {
        try await TestServer.with(budget: ByteBudget(limit: 1_000)) { server in
            let answer = try await RawConnection.exchange(
                port: server.port, [post("/echo", String(repeating: "a", count: 2_000))])
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            #expect(answer.contains("gatehouse.memory_budget"))
            #expect(
                try await RawConnection.exchange(
                    port: server.port, [post("/echo", String(repeating: "a", count: 900), "Connection: close\r\n")]
                ).hasPrefix("HTTP/1.1 200 "))
            try await eventually("all bytes are given back") { server.budget.reserved == 0 }
        }
    }

    @Test func requestsBeyondTheLimitAreRefusedAndTheConnectionStays() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder, configure: { $0.maxRequestsInFlight = 1 }) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                try await RawConnection.with(port: server.port) { reader, connection in
                    try await connection.send(get("/echo"))
                    #expect(try await reader.until(headEnd).hasPrefix("HTTP/1.1 503 "))
                    responder.held.take()?.send(.text(.ok, "done"))
                    try await eventually("there is room") { server.server.statistics.requestsInFlight == 0 }
                    try await connection.send(get("/echo"))
                    #expect(try await reader.until("HTTP/1.1 200 OK").isEmpty == false)
                }
                _ = try await reader.until("done\n")
            }
        }
    }

    @Test func connectionsBeyondTheLimitAreClosed() async throws {
        try await TestServer.with(configure: { $0.maxConnections = 1 }) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/echo"))
                _ = try await reader.until(headEnd)
                #expect(try await RawConnection.exchange(port: server.port, [get("/echo")]).isEmpty)
                #expect(server.log.text.contains { $0.contains("server_settings.max_connections") })
            }
        }
    }
}
