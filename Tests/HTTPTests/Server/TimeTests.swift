// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

/// What takes too long ends; none of these tests needs anything to be fast.
@Suite struct TimeTests {
    @Test func aHeadThatDoesNotComeToItsEndIsRefused() async throws {
        try await TestServer.with(configure: { $0.requestTimeout = .milliseconds(200) }) { server in
            let answer = try await RawConnection.exchange(
                port: server.port, ["GET / HTTP/1.1\r\n", "Host: a\r\n"], pause: .milliseconds(50))
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
            #expect(answer.contains("server_settings.request_timeout"))
        }
    }

    @Test func aBodyThatDripsIsRefused() async throws {
        try await TestServer.with(configure: { $0.requestTimeout = .milliseconds(200) }) { server in
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
            let answer = try await RawConnection.exchange(
                port: server.port, [head] + Array(repeating: "x", count: 100), pause: .milliseconds(20))
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
            try await eventually("the connection is gone") { server.server.statistics.connections == 0 }
            #expect(server.budget.reserved == 0)
        }
    }

    @Test func anIdleConnectionIsClosedWithoutAWord() async throws {
        try await TestServer.with(configure: { $0.idleTimeout = .milliseconds(100) }) { server in
            #expect(try await RawConnection.exchange(port: server.port, []).isEmpty)
            // On a busy machine the connection may be found idle before the request is sent; another one follows then.
            try await eventually("an answer comes, and then the end") {
                try await RawConnection.with(port: server.port) { reader, connection in
                    try? await connection.send(post())
                    let all = await reader.rest()
                    if !all.isEmpty { #expect(all.hasSuffix("\r\n\r\nhello")) }
                    return !all.isEmpty
                }
            }
        }
    }

    @Test func aRequestThatIsBeingAnsweredIsNotIdle() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder, configure: { $0.idleTimeout = .milliseconds(100) }) { server in
            // On a busy machine the connection may be found idle before the request is sent; another one follows then.
            try await eventually("a request is answered late") {
                try await RawConnection.with(port: server.port) { reader, connection in
                    try? await connection.send(get("/hold"))
                    try await Task.sleep(for: .milliseconds(300))
                    guard let exchange = responder.held.take() else { return false }
                    exchange.send(.text(.ok, "late"))
                    #expect(try await reader.until("late\n").hasPrefix("HTTP/1.1 200 OK"))
                    return true
                }
            }
        }
    }

    @Test func aClientThatNeverReadsIsLetGo() async throws {
        try await TestServer.with(configure: { $0.answerTimeout = .milliseconds(200) }) { server in
            try await RawConnection.with(port: server.port, readAhead: 1) { _, connection in
                try await connection.send(get("/large") + get("/large") + get("/large"))
                try await eventually("the connection is gone") { server.server.statistics.connections == 0 }
                #expect(server.server.statistics.requestsStarted < 3)
            }
            try await eventually("all bytes are given back") { server.budget.reserved == 0 }
        }
    }
}
