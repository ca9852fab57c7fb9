// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct ClientFailureTests {
    @Test func nobodyThereIsAnErrorThatSaysSo() async throws {
        let port = try await TestServer.with { $0.port }
        try await withClient { client in
            let address = HTTPAddress(origin: HTTPOrigin(host: "127.0.0.1", port: port), target: "/")
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.execute(HTTPClientRequest(address: address), deadline: soon)
            }
            #expect(error?.code == .unreachable)
            #expect(error?.isUnsent == true)
            #expect(error?.message.contains("127.0.0.1:\(port)") == true)
            let secured = HTTPAddress(origin: HTTPOrigin(scheme: .https, host: "127.0.0.1", port: port), target: "/")
            #expect(
                await failure { try await client.execute(HTTPClientRequest(address: secured), deadline: soon) }
                    == .unreachable)
        }
    }

    @Test func aDeadlineEndsTheRequestAndItsConnection() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await withClient(configure: { $0.maxConnectionsPerOrigin = 1 }) { client in
                #expect(
                    await failure {
                        try await client.execute(
                            HTTPClientRequest(address: server.address("/hold")), deadline: .now() + .milliseconds(100))
                    } == .deadlineExceeded)
                try await eventually("the request was there") { responder.held.count == 1 }
                // Its answer comes late, and reaches nobody.
                responder.held.take()?.send(.text(.ok, "late"))
                let response = try await client.execute(
                    HTTPClientRequest(method: .POST, address: server.address(), body: ByteBuffer(string: "mine")),
                    deadline: soon)
                #expect(String(buffer: try await response.collect(upTo: 100)) == "mine")
            }
        }
    }

    @Test func whoWaitsForAConnectionHasADeadlineToo() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await withClient(configure: { $0.maxConnectionsPerOrigin = 1 }) { client in
                let first = Task {
                    try await client.execute(HTTPClientRequest(address: server.address("/hold")), deadline: soon)
                }
                try await eventually("the first request is held") { responder.held.count == 1 }
                #expect(
                    await failure {
                        try await client.execute(
                            HTTPClientRequest(address: server.address()), deadline: .now() + .milliseconds(50))
                    } == .deadlineExceeded)
                responder.held.take()?.send(.text(.ok, "done"))
                #expect(try await first.value.status == .ok)
            }
        }
    }

    @Test func cancellingClosesTheConnection() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await withClient { client in
                let task = Task {
                    try await client.execute(HTTPClientRequest(address: server.address("/hold")), deadline: soon)
                }
                try await eventually("the request is held") { responder.held.count == 1 }
                task.cancel()
                #expect(await failure { try await task.value } == .cancelled)
                try await eventually("the server notices") { responder.held.closedCount == 1 }
            }
        }
    }

    @Test func anAnswerOverTheLimitIsAnError() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                let response = try await client.execute(
                    HTTPClientRequest(address: server.address("/large")), deadline: soon)
                #expect(await failure { try await response.collect(upTo: 1 << 20) } == .tooLarge)
            }
            try await withClient(budget: ByteBudget(limit: 1 << 20), configure: { $0.readAhead = 16 << 20 }) { client in
                let response = try await client.execute(
                    HTTPClientRequest(address: server.address("/large")), deadline: soon)
                // Held back by nobody: what is not read fills the budget, and the connection is closed.
                try await eventually("the connection is closed") { server.server.statistics.connections == 0 }
                #expect(await failure { try await response.collect(upTo: 16 << 20) } == .busy)
            }
        }
    }

    @Test(arguments: [
        "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func whatIsNoAnswerOfHTTPIsAnError(_ bytes: String) async throws {
        try await RawServer.with { _, connection in
            _ = try await connection.head()
            try await connection.send(bytes)
            _ = try await connection.head()
        } _: { server in
            try await withClient { client in
                #expect(
                    await failure {
                        try await client.execute(HTTPClientRequest(address: server.address()), deadline: soon)
                            .collect(upTo: 100)
                    } == .malformedAnswer)
            }
        }
    }

    @Test func headersOverTheLimitAreAnError() async throws {
        try await RawServer.with { _, connection in
            _ = try await connection.head()
            try await connection.send("HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 2_000))\r\n\r\n")
            _ = try await connection.head()
        } _: { server in
            try await withClient(configure: { $0.maxHeaderSize = 1_000 }) { client in
                #expect(
                    await failure {
                        try await client.execute(HTTPClientRequest(address: server.address()), deadline: soon)
                    } == .tooLarge)
            }
        }
    }

    @Test func anAnswerCutOffIsAnErrorAndOneThatEndsWithTheConnectionIsNot() async throws {
        try await RawServer.with { number, connection in
            _ = try await connection.head()
            try await connection.send("HTTP/1.1 200 OK\r\n\(number == 0 ? "Content-Length: 10\r\n" : "")\r\nabc")
        } _: { server in
            try await withClient { client in
                let request = HTTPClientRequest(address: server.address())
                #expect(
                    await failure { try await client.execute(request, deadline: soon).collect(upTo: 100) }
                        == .connectionLost)
                let response = try await client.execute(request, deadline: soon)
                #expect(String(buffer: try await response.collect(upTo: 100)) == "abc")
            }
        }
    }

    /// The server answers one request of each connection, and closes its first in the midst of the second answer.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ])
    func anAnswerThatHasBegunIsNotAskedForAgain(_ beginning: String) async throws {
        let seen = Requests()
        try await Self.cuttingServer(seen, beginning) { server in
            try await withClient { client in
                let request = HTTPClientRequest(address: server.address())
                let first = try await client.execute(request, deadline: soon)
                #expect(String(buffer: try await first.collect(upTo: 100)) == "ok")
                let error = await #expect(throws: HTTPClientError.self) {
                    try await client.execute(request, deadline: soon).collect(upTo: 100)
                }
                #expect(error?.code == .connectionLost)
                #expect(error?.message.contains("127.0.0.1:\(server.port)") == true)
                #expect(error?.message.contains("closed the connection in the middle of its answer") == true)
                #expect(seen.count.withLock { $0 } == 2)
                // The connection is not used again.
                let last = try await client.execute(request, deadline: soon)
                #expect(String(buffer: try await last.collect(upTo: 100)) == "ok")
            }
        }
        #expect(seen.count.withLock { $0 } == 3)
    }

    @Test(arguments: [HTTPMethod.GET, .POST])
    func aHeadCutOffIsNoAnswer(_ method: HTTPMethod) async throws {
        let seen = Requests()
        try await Self.cuttingServer(seen, "HTTP/1.1 200 OK\r\nContent-Le") { server in
            try await withClient { client in
                let request = HTTPClientRequest(method: method, address: server.address())
                _ = try await client.execute(request, deadline: soon).collect(upTo: 100)
                if method == .GET {
                    let again = try await client.execute(request, deadline: soon)
                    #expect(String(buffer: try await again.collect(upTo: 100)) == "ok")
                } else {
                    let error = await #expect(throws: HTTPClientError.self) {
                        try await client.execute(request, deadline: soon)
                    }
                    #expect(error?.code == .connectionLost)
                    #expect(error?.message.contains("closed the connection without an answer") == true)
                }
            }
        }
        #expect(seen.count.withLock { $0 } == (method == .GET ? 3 : 2))
    }

    /// How many requests a server has seen.
    private final class Requests: Sendable {
        let count = Mutex(0)
    }

    private static func cuttingServer(
        _ seen: Requests, _ beginning: String,
        _ body: @escaping @Sendable (RawServer) async throws -> Void
    ) async throws {
        try await RawServer.with { number, connection in
            var count = 0
            while try await connection.head() != nil {
                seen.count.withLock { $0 += 1 }
                count += 1
                guard count == 1 || number > 0 else { return try await connection.send(beginning) }
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        } _: {
            try await body($0)
        }
    }

    @Test func informationBeforeTheAnswerIsPassedOver() async throws {
        try await RawServer.with { _, connection in
            while try await connection.head() != nil {
                try await connection.send(
                    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        } _: { server in
            try await withClient { client in
                for _ in 0..<2 {
                    let response = try await client.execute(
                        HTTPClientRequest(address: server.address()), deadline: soon)
                    #expect(response.status == .ok)
                    #expect(String(buffer: try await response.collect(upTo: 100)) == "ok")
                }
                let head = try await client.execute(
                    HTTPClientRequest(method: .HEAD, address: server.address()), deadline: soon)
                // The server of this test sends a body all the same: nobody may take it for an answer.
                #expect(try await head.collect(upTo: 100).readableBytes == 0)
            }
        }
    }

    /// The server answers one request on its first connection, and closes when the second is there.
    @Test func whatMayBeDoneTwiceIsSentAgainWhenAKeptConnectionIsClosed() async throws {
        let seen = Mutex(0)
        try await RawServer.with { number, connection in
            var count = 0
            while try await connection.head() != nil {
                seen.withLock { $0 += 1 }
                count += 1
                guard count == 1 || number > 0 else { return }
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        } _: { server in
            try await withClient { client in
                for _ in 0..<2 {
                    let response = try await client.execute(
                        HTTPClientRequest(address: server.address()), deadline: soon)
                    #expect(String(buffer: try await response.collect(upTo: 100)) == "ok")
                }
            }
        }
        #expect(seen.withLock { $0 } == 3)
    }

    @Test func whatMayNotBeDoneTwiceIsNotSentAgain() async throws {
        let seen = Mutex(0)
        try await RawServer.with { _, connection in
            var count = 0
            while try await connection.head() != nil {
                seen.withLock { $0 += 1 }
                count += 1
                guard count == 1 else { return }
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        } _: { server in
            try await withClient { client in
                let request = HTTPClientRequest(method: .POST, address: server.address())
                _ = try await client.execute(request, deadline: soon).collect(upTo: 100)
                #expect(await failure { try await client.execute(request, deadline: soon) } == .connectionLost)
            }
        }
        #expect(seen.withLock { $0 } == 2)
    }

    @Test func aSecondAnswerToOneRequestReachesNobody() async throws {
        try await RawServer.with { _, connection in
            while let head = try await connection.head() {
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                try await connection.send(head.contains("/first") ? "\(answer)first\(answer)wrong" : "\(answer)other")
            }
        } _: { server in
            try await withClient { client in
                let first = try await client.execute(
                    HTTPClientRequest(address: server.address("/first")), deadline: soon)
                #expect(String(buffer: try await first.collect(upTo: 100)) == "first")
                let second = try await client.execute(
                    HTTPClientRequest(address: server.address("/second")), deadline: soon)
                #expect(String(buffer: try await second.collect(upTo: 100)) == "other")
            }
        }
    }

    @Test func aClientThatIsShutDownSaysSo() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await withClient { client in
                let open = Task {
                    try await client.execute(HTTPClientRequest(address: server.address("/hold")), deadline: soon)
                }
                try await eventually("the request is held") { responder.held.count == 1 }
                await client.shutDown()
                #expect(await failure { try await open.value } == .shutDown)
                #expect(
                    await failure {
                        try await client.execute(HTTPClientRequest(address: server.address()), deadline: soon)
                    } == .shutDown)
                try await eventually("the connection is closed") {
                    responder.held.take()?.send(.text(.ok, "late"))
                    return server.server.statistics.connections == 0
                }
            }
        }
    }
}
