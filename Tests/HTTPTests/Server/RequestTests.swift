// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct RequestTests {
    @Test func aRequestIsAnsweredWithItsLengthAndTheConnectionStays() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                for _ in 0..<2 {
                    try await connection.send(post())
                    #expect(
                        try await reader.until("hello")
                            == "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello")
                }
            }
        }
    }

    @Test func aRequestCutAnywhereIsTheSameRequest() async throws {
        try await TestServer.with { server in
            let bytes = Array(
                "POST /inspect?a=b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: u\r\n\r\n"
                    .utf8)
            let expected = "POST /inspect a=b [Host=test;Transfer-Encoding=chunked;X-Y=z] 5\n"
            try await RawConnection.with(port: server.port) { reader, connection in
                for cut in 1..<bytes.count {
                    try await connection.send(String(decoding: bytes[..<cut], as: UTF8.self))
                    await Task.yield()
                    try await connection.send(String(decoding: bytes[cut...], as: UTF8.self))
                    _ = try await reader.until(headEnd)
                    #expect(try await reader.until("\n") == expected, "cut at \(cut)")
                }
                for byte in bytes { try await connection.send(String(decoding: [byte], as: UTF8.self)) }
                _ = try await reader.until(headEnd)
                #expect(try await reader.until("\n") == expected)
            }
        }
    }

    @Test func pipelinedRequestsAreAnsweredInTheirOrder() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                // Every other one is answered later, from outside of the read.
                let requests = (0..<40).map { post($0.isMultiple(of: 2) ? "/later" : "/echo", "<\($0)>") }
                try await connection.send(requests.joined())
                for number in 0..<40 {
                    _ = try await reader.until(headEnd)
                    #expect(try await reader.until(">") == "<\(number)>")
                }
            }
        }
    }

    @Test func onlyOneRequestOfAConnectionIsWithTheResponderAtATime() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold") + get("/hold"))
                try await eventually("the first request is held") { responder.held.count == 1 }
                responder.held.take()?.send(.text(.ok, "one"))
                _ = try await reader.until("one\n")
                try await eventually("the second request is held") { responder.held.count == 1 }
                responder.held.take()?.send(.text(.accepted, "two"))
                #expect(try await reader.until("two\n").contains("HTTP/1.1 202 Accepted\r\n"))
            }
        }
    }

    @Test func absoluteTargetsAndQueriesAreTakenApart() async throws {
        try await TestServer.with { server in
            for (target, expected) in [
                ("/inspect?x=1?2", "GET /inspect x=1?2 "),
                ("http://test/inspect", "GET /inspect - "),
                ("HTTP://test:80/inspect?", "GET /inspect  "),
            ] {
                let answer = try await RawConnection.exchange(
                    port: server.port, ["GET \(target) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"])
                #expect(answer.contains(expected))
            }
        }
    }

    @Test func aHeadRequestGetsTheLengthAndNoBody() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send("HEAD /inspect HTTP/1.1\r\nHost: test\r\n\r\n" + get("/echo"))
                let head = try await reader.until(headEnd)
                #expect(head.contains("content-length: 30\r\n"))
                #expect(try await reader.until(headEnd).contains("content-length: 0\r\n"))
            }
        }
    }

    @Test func anAnswerWithoutContentHasNoLength() async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(
                port: server.port, [get("/nothing", "Connection: close\r\n")])
            #expect(answer == "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        }
    }

    @Test func aClientIsToldToContinueBeforeItSendsTheBody() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(
                    "POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                #expect(try await reader.until(headEnd) == "HTTP/1.1 100 Continue\r\n\r\n")
                try await connection.send("hello")
                #expect(try await reader.until("hello").hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
        }
    }

    @Test func anUpgradeIsIgnoredAndEndsTheConnection() async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(
                port: server.port,
                [
                    post(
                        "/echo", "hello",
                        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n")
                ])
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("connection: close\r\n"))
            #expect(answer.hasSuffix("hello"))
        }
    }

    @Test func http10ClosesUnlessAskedNotTo() async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(port: server.port, ["GET /echo HTTP/1.0\r\n\r\n"])
            #expect(answer.contains("connection: close\r\n"))
            try await RawConnection.with(port: server.port) { reader, connection in
                for _ in 0..<2 {
                    try await connection.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                    #expect(try await reader.until(headEnd).contains("connection: keep-alive\r\n"))
                }
            }
        }
    }

    @Test func aHalfClosedClientGetsItsAnswer() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                connection.finish()
                try await eventually("the request is held") { responder.held.count == 1 }
                responder.held.take()?.send(.text(.ok, "still here"))
                #expect(await reader.rest().hasSuffix("still here\n"))
            }
            #expect(responder.held.closedCount == 0)
        }
    }

    @Test func aHalfClosedClientGetsAllOfALargeAnswer() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/large"))
                connection.finish()
                #expect(await reader.rest().utf8.count > 8 << 20)
            }
        }
    }

    @Test func aRequestNobodyAnswersIsA500() async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(port: server.port, [get("/drop", "Connection: close\r\n")])
            #expect(answer.hasPrefix("HTTP/1.1 500 "))
            #expect(server.log.text.contains { $0.contains("dropped without an answer") })
        }
    }

    @Test func aLineBreakInAHeaderOfAnAnswerIsA500() async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(port: server.port, [get("/inject", "Connection: close\r\n")])
            #expect(answer.hasPrefix("HTTP/1.1 500 "))
            #expect(!answer.contains("set-cookie"))
        }
    }

    @Test func theResponderIsToldOfAClientThatGoesAway() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { _, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
            }
            // The client has closed: writing to it is what shows that it does not read either.
            let stream = try #require(responder.held.take()).stream(status: .ok, headers: [:])
            try await eventually("the stream is closed") {
                try? stream.writeNow(ByteBuffer(string: "x"))
                return stream.isClosed && responder.held.closedCount == 1
            }
        }
    }
}
