// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Testing

/// Bad peers are told so and shut out, and the server goes on serving the others.
@Suite struct AbuseTests {
    /// Whether a new client is served.
    private func serves(_ server: TestServer) async throws -> Bool {
        try await TestClient.with(port: server.port) { client async throws in
            try await client.call("/test.Test/Echo", [1]).messages == [[1]]
        }
    }

    // MARK: Other protocols

    @Test func http1IsToldWhatThisPortIs() async throws {
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let request = Array("GET / HTTP/1.1\r\nhost: x\r\n\r\n".utf8)
            let answer = String(decoding: try await connection.exchange([request]), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 505 "))
            #expect(answer.contains("gRPC"))
            #expect(server.log.text.contains { $0.hasPrefix("debug") && $0.contains("HTTP/1") })
            #expect(try await serves(server))
        }
    }

    @Test(arguments: [[0x16, 0x03, 0x01, 0x02, 0x00, 0x01], [0, 1, 2, 3, 4, 5, 6, 7], [0xFF]] as [[UInt8]])
    func garbageIsClosedWithoutAnAnswer(_ bytes: [UInt8]) async throws {
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            #expect(try await connection.exchange([bytes]) == [])
            #expect(try await serves(server))
        }
    }

    @Test(
        arguments: [
            // DATA on stream 0; a frame over the size limit; an unknown continuation; a WINDOW_UPDATE of 0 on the
            // connection; a header block that is no HPACK; DATA on an idle stream.
            RawConnection.frame(0, stream: 0, [1]),
            [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1],
            RawConnection.frame(9, stream: 1, [1]),
            RawConnection.frame(8, stream: 0, [0, 0, 0, 0]),
            RawConnection.frame(1, flags: 5, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            RawConnection.frame(0, flags: 1, stream: 5, [1]),
        ]
    )
    func brokenHTTP2IsAnsweredWithGoAwayAndClosed(_ frame: [UInt8]) async throws {
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let bytes = try await connection.exchange([RawConnection.preface + RawConnection.frame(4), frame])
            // The header of a GOAWAY frame: its type, no flags, stream 0.
            #expect(bytes.contains([7, 0, 0, 0, 0, 0]))
            #expect(try await serves(server))
        }
    }

    @Test func aConnectionCutInTheMiddleOfAFrameIsForgotten() async throws {
        try await TestServer.with { server async throws in
            for _ in 0..<20 {
                let connection = try await RawConnection.connect(port: server.port)
                // GOAWAY makes the server close; what follows is half a frame.
                let goAway = RawConnection.frame(7, [0, 0, 0, 0, 0, 0, 0, 0])
                _ = try await connection.exchange([RawConnection.preface + RawConnection.frame(4) + goAway, [0, 0, 9]])
            }
            #expect(try await serves(server))
            try await eventually("all connections are gone") { server.server.statistics.connections == 0 }
        }
    }

    @Test func headersThatAreNotUTF8AreNoProblem() async throws {
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let path: [UInt8] = Array("/test.Test/".utf8) + [0xFF, 0xFE]
            let block: [UInt8] =
                [0x83, 0x86, 0x44, UInt8(path.count)] + path + [0x5F, 16] + Array("application/grpc".utf8)
            let bytes = try await connection.exchange([
                RawConnection.preface + RawConnection.frame(4) + RawConnection.frame(1, flags: 5, stream: 1, block),
                RawConnection.frame(7, [0, 0, 0, 0, 0, 0, 0, 0]),
            ])
            #expect(!bytes.isEmpty)
            #expect(try await serves(server))
        }
    }

    // MARK: Floods

    @Test func rapidResetEndsTheConnection() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for _ in 0..<10_000 {
                    let stream = client.open(TestClient.headers("/test.Test/Echo"), flush: false)
                    client.reset(stream, flush: false)
                }
                client.channel.flush()
                try await client.wait("the close") { $0.isClosed }
                #expect(client.state.goAway?.code == .enhanceYourCalm)
            }
            #expect(server.log.text.contains { $0.hasPrefix("warning") && $0.contains("max_rapid_resets") })
            #expect(try await serves(server))
        }
    }

    @Test func ordinaryTrafficEarnsBackWhatResetsCost() async throws {
        try await TestServer.with(configure: { $0.maxRapidResets = 20 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                // Two hundred resets of half-sent requests, ten times the limit, between calls that complete.
                for _ in 0..<20 {
                    for _ in 0..<10 {
                        let stream = client.open(TestClient.headers("/test.Test/Echo"), flush: false)
                        client.reset(stream)
                        #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                    }
                }
                #expect(client.state.goAway == nil)
            }
        }
    }

    @Test func aPingFloodEndsTheConnection() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for number in 0..<20_000 {
                    client.send(
                        .ping(HTTP2PingData(withInteger: UInt64(number)), ack: false), on: 0, flush: number % 100 == 99)
                }
                try await client.wait("the close") { $0.isClosed }
            }
            #expect(server.log.text.contains { $0.hasPrefix("warning") && $0.contains("max_control_frames") })
            #expect(try await serves(server))
        }
    }

    @Test func aSettingsFloodEndsTheConnection() async throws {
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let flood = Array(repeatElement(RawConnection.frame(4), count: 20_000).joined())
            let bytes = try await connection.exchange([RawConnection.preface + flood])
            #expect(bytes.contains([7, 0, 0, 0, 0, 0]))
            #expect(server.log.text.contains { $0.hasPrefix("warning") && $0.contains("max_control_frames") })
            #expect(try await serves(server))
        }
    }

    @Test func pingsOfABusyClientAreAnswered() async throws {
        try await TestServer.with(configure: { $0.maxControlFrames = 50 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for number in 0..<500 {
                    client.send(.ping(HTTP2PingData(withInteger: UInt64(number)), ack: false), on: 0)
                    #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                }
                try await client.wait("the answers") { $0.pingAcks == 500 }
                #expect(client.state.goAway == nil)
            }
        }
    }

    @Test func endlessHeadersEndTheConnection() async throws {
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let field: [UInt8] = [0, 1, 0x61, 127, 0] + [UInt8](repeating: 0x62, count: 127)
            let block = Array(repeatElement(field, count: 100).joined())
            let more = RawConnection.frame(9, stream: 1, block)
            let bytes = try await connection.exchange(
                [RawConnection.preface + RawConnection.frame(4) + RawConnection.frame(1, stream: 1, block)]
                    + [[UInt8]](repeating: more, count: 50)
            )
            #expect(bytes.contains([7, 0, 0, 0, 0, 0]))
            #expect(try await serves(server))
        }
    }

    // MARK: Limits

    @Test func theLimitsAreAnnounced() async throws {
        try await TestServer.with(configure: { $0.maxConcurrentStreams = 123 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                try await client.wait("SETTINGS") { $0.settings != nil }
                let settings = try #require(client.state.settings)
                #expect(settings.contains { $0.parameter == .maxConcurrentStreams && $0.value == 123 })
                #expect(settings.contains { $0.parameter == .maxHeaderListSize && $0.value == 16 << 10 })
                #expect(settings.contains { $0.parameter == .initialWindowSize && $0.value == 1 << 20 })
            }
        }
    }

    @Test func moreConnectionsThanTheLimitAreClosed() async throws {
        try await TestServer.with(configure: { $0.maxConnections = 2 }) { server async throws in
            try await TestClient.with(port: server.port) { first async throws in
                try await TestClient.with(port: server.port) { second async throws in
                    #expect(try await first.call("/test.Test/Echo", [1]).messages == [[1]])
                    #expect(try await second.call("/test.Test/Echo", [1]).messages == [[1]])
                    let third = try await RawConnection.connect(port: server.port)
                    #expect(try await third.exchange([RawConnection.preface]) == [])
                    #expect(try await first.call("/test.Test/Echo", [1]).messages == [[1]])
                }
            }
            try await eventually("there is room again") { server.server.statistics.connections == 0 }
            #expect(try await serves(server))
        }
    }

    @Test func moreCallsThanTheLimitAreResourceExhausted() async throws {
        try await TestServer.with(configure: { $0.maxCallsInFlight = 5 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let hanging = (0..<5).map { _ in client.start("/test.Test/Hang", [1]) }
                let response = try await client.call("/test.Test/Echo", [1])
                #expect(response.grpcStatus == "8")
                #expect(response.grpcMessage?.contains("grpc_server_settings.max_calls_in_flight") == true)
                client.reset(hanging[0])
                try await eventually("a call is served again") {
                    try await client.call("/test.Test/Echo", [1]).grpcStatus == "0"
                }
                for stream in hanging.dropFirst() { client.reset(stream) }
            }
        }
    }

    @Test func cancelledHandlersThatGoOnCountAgainstTheirConnection() async throws {
        // Deaf to cancellation until the test ends.
        let release = Promise<Bool>()
        let deaf = GRPCMethod.unary("/test.Test/Deaf") { call in
            _ = await release.value()
            return call.message
        }
        try await TestServer.with([deaf, TestMethods.echo], configure: { $0.maxConcurrentStreams = 10 }) {
            server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for _ in 0..<40 { client.reset(client.start("/test.Test/Deaf", [1])) }
                let response = try await client.call("/test.Test/Echo", [1])
                #expect(response.grpcStatus == "8")
                #expect(response.grpcMessage?.contains("grpc_server_settings.max_concurrent_streams") == true)
                #expect(try await serves(server))
            }
            release.succeed(true)
        }
    }

    @Test func bytesBeyondTheBudgetAreResourceExhausted() async throws {
        try await TestServer.with(budget: ByteBudget(limit: 100_000)) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let half = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(ByteBuffer(bytes: [0, 0, 1, 0, 0] + [UInt8](repeating: 1, count: 60_000)), on: half)
                try await eventually("the bytes are counted") { server.budget.reserved == 60_005 }
                let response = try await client.call("/test.Test/Echo", [UInt8](repeating: 1, count: 50_000))
                #expect(response.grpcStatus == "8")
                #expect(response.grpcMessage?.contains("100000") == true)
                // What was within the budget goes on, and small calls are served.
                #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                client.send(ByteBuffer(bytes: [UInt8](repeating: 1, count: 5_536)), on: half, endStream: true)
                #expect(try await client.response(half).messages.first?.count == 65_536)
                try await eventually("all is given back") { server.budget.reserved == 0 }
            }
        }
    }

    @Test func answersNobodyTakesAreWithinTheBudget() async throws {
        let big = GRPCMethod.unary("/test.Test/Big") { _ in ByteBuffer(repeating: 1, count: 40_000) }
        try await TestServer.with([big], budget: ByteBudget(limit: 100_000)) { server async throws in
            try await TestClient.with(
                port: server.port,
                settings: [.init(parameter: .initialWindowSize, value: 10)],
                manualWindows: true
            ) { client async throws in
                let first = client.start("/test.Test/Big")
                let second = client.start("/test.Test/Big")
                let third = try await client.call("/test.Test/Big")
                #expect(third.grpcStatus == "8")
                client.reset(first)
                client.reset(second)
                try await eventually("all is given back") { server.budget.reserved == 0 }
            }
        }
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool {
        guard count >= part.count else { return false }
        return (0...(count - part.count)).contains { self[$0..<($0 + part.count)].elementsEqual(part) }
    }
}
