// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct ClientTests {
    @Test func aRequestIsAnsweredAndTheConnectionUsedAgain() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                for number in 0..<20 {
                    let response = try await client.execute(
                        HTTPClientRequest(
                            method: .POST, address: server.address(), body: ByteBuffer(string: "n\(number)")),
                        deadline: soon)
                    #expect(response.status == .ok)
                    #expect(response.headers.value("content-type") == "text/plain")
                    #expect(String(buffer: try await response.collect(upTo: 100)) == "n\(number)")
                }
                #expect(server.server.statistics.connections == 1)
            }
        }
    }

    @Test func theRequestIsSentAsItIsWritten() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                let response = try await client.execute(
                    HTTPClientRequest(
                        method: .PUT, address: server.address("/inspect?q=1"),
                        headers: ["X-A": "b", "Connection": "close", "Host": "evil", "Content-Length": "7"],
                        body: ByteBuffer(string: "abc")),
                    deadline: soon)
                #expect(
                    String(buffer: try await response.collect(upTo: 1_000))
                        == "PUT /inspect q=1 [host=127.0.0.1:\(server.port);X-A=b;content-length=3] 3\n")
            }
        }
    }

    @Test func aBlockOfFieldsIsSentAsTheFieldsAreAndGivesWayToOthers() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                let address = server.address("/inspect")
                let block = try HTTPFieldBlock(
                    ["X-A": "b", "Authorization": "old", "Connection": "close", "Content-Length": "7"],
                    for: address.origin)
                var request = HTTPClientRequest(
                    method: .POST, address: address, block: block, headers: ["x-c": "d"],
                    body: ByteBuffer(string: "abc"))
                func seen() async throws -> String {
                    let response = try await client.execute(request, deadline: soon)
                    return String(buffer: try await response.collect(upTo: 1_000))
                }
                let host = "host=127.0.0.1:\(server.port)"
                #expect(
                    try await seen()
                        == "POST /inspect - [\(host);X-A=b;Authorization=old;x-c=d;content-length=3] 3\n")
                request.setHeader("x-c", "e")
                request.setHeader("authorization", "new")
                #expect(
                    try await seen() == "POST /inspect - [\(host);X-A=b;x-c=e;authorization=new;content-length=3] 3\n")
                #expect(throws: HTTPClientError.self) { try HTTPFieldBlock(["a": "b\r\nc: d"], for: address.origin) }
            }
        }
    }

    @Test func answersWithHeadsAlikeAndOtherOnesAreToldApart() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                for body in ["a", "b", "", "ccc", "ddd", "e", String(repeating: "f", count: 70_000), "g", "h"] {
                    let response = try await client.execute(
                        HTTPClientRequest(method: .POST, address: server.address(), body: ByteBuffer(string: body)),
                        deadline: soon)
                    #expect(response.headers.value("content-length") == "\(body.utf8.count)")
                    #expect(String(buffer: try await response.collect(upTo: 100_000)) == body)
                }
            }
        }
    }

    @Test func largeBodiesGoBothWays() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                let body = ByteBuffer(bytes: (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                let response = try await client.execute(
                    HTTPClientRequest(method: .POST, address: server.address(), body: body), deadline: soon)
                #expect(try await response.collect(upTo: 4 << 20) == body)
            }
        }
    }

    @Test func requestsAtOnceShareAtMostTheAllowedConnections() async throws {
        try await TestServer.with { server in
            let budget = ByteBudget()
            try await withClient(budget: budget, configure: { $0.maxConnectionsPerOrigin = 3 }) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let response = try await client.execute(
                                HTTPClientRequest(
                                    method: .POST, address: server.address("/later"),
                                    body: ByteBuffer(string: "\(number)")),
                                deadline: soon)
                            #expect(String(buffer: try await response.collect(upTo: 100)) == "\(number)")
                        }
                    }
                    try await group.waitForAll()
                }
                #expect((1...3).contains(server.server.statistics.connections))
            }
            #expect(budget.reserved == 0)
        }
    }

    @Test func aRequestMadeOnAnEventLoopStaysThere() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                let loop = MultiThreadedEventLoopGroup.singleton.next()
                let address = server.address()
                let task = EventLoopTaskExecutor.of(loop).start {
                    for _ in 0..<3 {
                        #expect(loop.inEventLoop)
                        let response = try? await client.execute(HTTPClientRequest(address: address), deadline: soon)
                        #expect(response?.status == .ok)
                    }
                }
                await task.value
                #expect(server.server.statistics.connections == 1)
            }
        }
    }

    @Test func aStreamIsReadPieceByPieceAndLettingGoOfItClosesTheConnection() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await withClient { client in
                let asked = Task {
                    try await client.execute(HTTPClientRequest(address: server.address("/hold")), deadline: soon)
                }
                try await eventually("the request is held") { responder.held.count == 1 }
                let stream = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                try await read(stream, try await asked.value)
                _ = consume asked
                try await eventually("the server notices") { stream.isClosed }
            }
        }
    }

    private func read(_ stream: HTTPResponseStream, _ response: consuming HTTPClientResponse) async throws {
        response.body.setDeadline(nil)
        for number in 0..<3 {
            try await stream.write(ByteBuffer(string: "\(number)"))
            let piece = try await response.body.next()
            #expect(piece.map { String(buffer: $0) } == "\(number)")
        }
    }

    @Test func aReaderThatDoesNotReadLetsTheServerWait() async throws {
        let budget = ByteBudget()
        try await TestServer.with { server in
            try await withClient(budget: budget, configure: { $0.readAhead = 64 << 10 }) { client in
                let response = try await client.execute(
                    HTTPClientRequest(address: server.address("/large")), deadline: soon)
                try await eventually("the read-ahead is full") { budget.reserved > 64 << 10 }
                // What one turn of the event loop reads may come on top.
                #expect(budget.reserved < 4 << 20)
                #expect(try await response.collect(upTo: 8 << 20).readableBytes == 8 << 20)
                #expect(budget.reserved == 0)
            }
        }
    }

    @Test func aLineBreakInARequestIsNotSent() async throws {
        try await TestServer.with { server in
            try await withClient { client in
                for request in [
                    HTTPClientRequest(address: server.address("/a\r\nX: y")),
                    HTTPClientRequest(address: server.address(), headers: ["x": "a\r\nb: c"]),
                    HTTPClientRequest(method: .RAW(value: "GET /\r\n"), address: server.address()),
                ] {
                    #expect(await failure { try await client.execute(request, deadline: soon) } == .invalidRequest)
                }
                #expect(server.server.statistics.requestsStarted == 0)
            }
        }
    }

    @Test(arguments: [
        ("http://h/mcp", "http://h/mcp"), ("HTTP://H:8080", "http://h:8080/"), ("https://h?x#y", "https://h/?x"),
        ("http://[::1]:80/a", "http://[::1]/a"),
    ])
    func anAddressIsReadAsItIsWritten(_ pair: (String, String)) throws {
        #expect(try HTTPAddress(pair.0).description == pair.1)
    }

    @Test(arguments: [
        "h/mcp", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:70000", "http://u:p@h", "http://::1/",
        "http://h h/", "http://h/a b", "http://[::1]x/", "http://é/",
    ])
    func whatIsNoAddressIsAnError(_ text: String) {
        #expect(throws: HTTPAddressError.self) { try HTTPAddress(text) }
    }
}
