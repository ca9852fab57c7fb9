// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct ShutdownTests {
    @Test func aRequestInFlightIsAnsweredAndTheConnectionClosed() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                await server.shutDown()
                try await eventually("nothing is accepted") {
                    (try? await RawConnection.exchange(port: server.port, [get("/echo")])) == nil
                }
                responder.held.take()?.send(.text(.ok, "done"))
                let answer = await reader.rest()
                #expect(answer.contains("connection: close\r\n"))
                #expect(answer.hasSuffix("done\n"))
            }
        }
    }

    @Test func anIdleConnectionIsClosedAtOnce() async throws {
        try await TestServer.with(configure: { $0.drainGrace = .seconds(600) }) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/echo"))
                _ = try await reader.until(headEnd)
                await server.shutDown()
                #expect(await reader.rest().isEmpty)
            }
        }
    }

    @Test func streamsEndWhenTheirOwnerIsToldOfTheShutdown() async throws {
        let responder = EchoResponder()
        let stream = Mutex<HTTPResponseStream?>(nil)
        try await TestServer.with(
            responder, configure: { $0.drainGrace = .seconds(600) },
            onDraining: { stream.withLock { $0?.finish() } }
        ) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                let begun = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                stream.withLock { $0 = begun }
                _ = try await reader.until(headEnd)
                await server.shutDown()
                #expect(await reader.rest() == "0\r\n\r\n")
            }
        }
    }

    @Test func whatOutlastsTheGraceIsCutOff() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder, configure: { $0.drainGrace = .milliseconds(100) }) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                await server.shutDown()
                #expect(await reader.rest().isEmpty)
                try await eventually("the responder is told") { responder.held.closedCount == 1 }
            }
        }
    }
}
