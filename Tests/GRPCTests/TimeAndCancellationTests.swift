// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Synchronization
import Testing

@testable import GRPC

@Suite struct TimeAndCancellationTests {
    // MARK: grpc-timeout

    @Test(
        arguments: [
            ("1H", .seconds(3_600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
            ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("00000001S", .seconds(1)),
            ("99999999H", .seconds(99_999_999 * 3_600)), ("0m", .zero),
        ] as [(String, Duration)]
    )
    func readsTimeouts(_ text: String, _ expected: Duration) {
        #expect(GRPCTimeout.duration(text) == expected)
    }

    @Test(arguments: ["", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", " 1S", "1S ", "123456789S", "1SS", "٣S", "1é"])
    func refusesMalformedTimeouts(_ text: String) {
        #expect(GRPCTimeout.duration(text) == nil)
    }

    @Test func aMalformedTimeoutIsInternal() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Echo", [1], headers: [("grpc-timeout", "123456789S")])
                #expect(response.grpcStatus == "13")
                #expect(response.grpcMessage?.contains("grpc-timeout") == true)
            }
        }
    }

    @Test func theLongestTimeoutThereIsWorks() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for path in ["/test.Test/Echo", "/test.Test/Hop"] {
                    let response = try await client.call(path, [1], headers: [("grpc-timeout", "99999999H")])
                    #expect(response.messages == [[1]])
                }
            }
        }
    }

    @Test func aPassedDeadlineEndsTheCallAndCancelsItsTask() async throws {
        let cancelled = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            do { try await Task.sleep(for: .seconds(3_600)) } catch { cancelled.succeed(Task.isCancelled) }
            return call.message
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Wait", [1], headers: [("grpc-timeout", "50m")])
                #expect(response.grpcStatus == "4")
                #expect(response.messages == [])
                #expect(await cancelled.value())
                try await eventually("no call is left") { server.server.statistics.callsInFlight == 0 }
            }
        }
    }

    @Test func aDeadlineThatHasPassedAlreadyStartsNothing() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                #expect(
                    try await client.call("/test.Test/Echo", [1], headers: [("grpc-timeout", "0n")]).grpcStatus == "4")
                #expect(server.server.statistics.callsStarted == 0)
            }
        }
    }

    @Test func theDeadlineHoldsWhileTheRequestIsArriving() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo", [("grpc-timeout", "50m")]))
                client.send(ByteBuffer(bytes: [0, 0, 0]), on: stream)
                #expect(try await client.response(stream).grpcStatus == "4")
            }
        }
    }

    // MARK: Cancellation

    @Test func resettingAStreamCancelsItsTask() async throws {
        let started = Promise<Bool>()
        let cancelled = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            started.succeed(true)
            do { try await Task.sleep(for: .seconds(3_600)) } catch { cancelled.succeed(Task.isCancelled) }
            return call.message
        }
        try await TestServer.with([method, TestMethods.echo]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.start("/test.Test/Wait", [1])
                _ = await started.value()
                client.reset(stream)
                #expect(await cancelled.value())
                #expect(try await client.call("/test.Test/Echo", [2]).messages == [[2]])
                try await eventually("all is given back") {
                    server.server.statistics.callsInFlight == 0 && server.budget.reserved == 0
                }
            }
        }
    }

    @Test func aLostConnectionCancelsItsTasks() async throws {
        let cancellations = Atomic<Int>(0)
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            do { try await Task.sleep(for: .seconds(3_600)) } catch { cancellations.add(1, ordering: .relaxed) }
            return call.message
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for _ in 0..<50 { client.start("/test.Test/Wait", [1]) }
                try await eventually("all calls run") { server.server.statistics.callsInFlight == 50 }
            }
            try await eventually("all calls are cancelled") {
                cancellations.load(ordering: .relaxed) == 50 && server.server.statistics.callsInFlight == 0
                    && server.server.statistics.connections == 0 && server.budget.reserved == 0
            }
        }
    }

    /// More than twice as many as may be beyond those that were completed.
    @Test func thousandsOfCancellationsDoNotCostTheConnection() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for _ in 0..<125 {
                    let streams = (0..<20).map { _ in client.start("/test.Test/Hang", [1, 2, 3], flush: false) }
                    // Ordinary: the request has been sent, and is given up later.
                    #expect(try await client.call("/test.Test/Echo", [2]).messages == [[2]])
                    for stream in streams { client.reset(stream, flush: false) }
                    client.channel.flush()
                }
                #expect(try await client.call("/test.Test/Echo", [2]).messages == [[2]])
                #expect(client.state.goAway == nil)
                try await eventually("all is given back") {
                    server.server.statistics.callsInFlight == 0 && server.budget.reserved == 0
                }
            }
        }
    }

    // MARK: Requests that do not arrive

    @Test func anIncompleteRequestEndsInTime() async throws {
        try await TestServer.with(configure: { $0.requestTimeout = .milliseconds(200) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let headersOnly = client.open(TestClient.headers("/test.Test/Echo"))
                let halfMessage = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(ByteBuffer(bytes: [0, 0, 0, 0, 9, 1]), on: halfMessage)
                for stream in [headersOnly, halfMessage] {
                    let response = try await client.response(stream)
                    #expect(response.grpcStatus == "4")
                    #expect(response.grpcMessage?.contains("grpc_server_settings.request_timeout") == true)
                }
                #expect(try await client.call("/test.Test/Echo", [2]).messages == [[2]])
            }
        }
    }

    @Test func aByteNowAndThenDoesNotProlongARequest() async throws {
        try await TestServer.with(configure: { $0.requestTimeout = .milliseconds(300) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(ByteBuffer(bytes: [0, 0, 0, 0xFF, 0xFF]), on: stream)
                try await eventually("the call has ended") {
                    client.send(ByteBuffer(bytes: [1]), on: stream)
                    try await Task.sleep(for: .milliseconds(20))
                    return client.state.responses[stream]?.isOver == true
                }
                #expect(client.state.responses[stream]?.grpcStatus == "4")
            }
        }
    }

    @Test func aStreamingCallMayBeSilentBetweenMessagesButNotWithinOne() async throws {
        try await TestServer.with(configure: { $0.requestTimeout = .seconds(1) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Bidi"))
                client.send(TestClient.framed([1]), on: stream)
                try await Task.sleep(for: .milliseconds(1_500))
                client.send(TestClient.framed([2]), on: stream)
                try await client.wait("two messages") { $0.responses[stream]?.messages.count == 2 }
                #expect(client.state.responses[stream]?.isOver == false)
                client.send(ByteBuffer(bytes: [0, 0, 0, 0, 9, 1]), on: stream)
                #expect(try await client.response(stream).grpcStatus == "4")
            }
        }
    }

    @Test func aConnectionThatDoesNotSpeakIsClosed() async throws {
        try await TestServer.with(configure: { $0.handshakeTimeout = .milliseconds(200) }) { server async throws in
            let silent = try await RawConnection.connect(port: server.port)
            #expect(try await silent.exchange([]) == [])
            let slow = try await RawConnection.connect(port: server.port)
            #expect(try await slow.exchange([[0x50], [0x52]], pause: .milliseconds(20)) == [])
        }
    }

    @Test func aConnectionThatNeverEndsAFrameIsClosed() async throws {
        try await TestServer.with(
            configure: {
                $0.requestTimeout = .milliseconds(200)
                $0.keepaliveTimeout = .milliseconds(200)
            }
        ) { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let headers = RawConnection.frame(1, flags: 4, stream: 1, [UInt8](repeating: 0x82, count: 200))
            let trickle = headers.map { [$0] }
            _ = try await connection.exchange(
                [RawConnection.preface + RawConnection.frame(4)] + trickle,
                pause: .milliseconds(20)
            )
            try await eventually("the connection is gone") { server.server.statistics.connections == 0 }
            #expect(server.log.text.contains { $0.contains("PING") })
        }
    }

    // MARK: Connections

    @Test func anIdleConnectionIsToldToGo() async throws {
        try await TestServer.with(configure: { $0.maxConnectionIdle = .milliseconds(200) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                try await client.wait("the close") { $0.isClosed }
                #expect(client.state.goAway?.code == .noError)
            }
        }
    }

    /// Runs with a client whose call the server has begun before it could tell the connection to go.
    ///
    /// On a busy machine that may take several connections.
    private func withCallInFlight(
        _ server: TestServer, _ body: (TestClient, Int) async throws -> Void
    ) async throws {
        var isDone = false
        while !isDone {
            isDone = try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Bidi"))
                client.send(TestClient.framed([1]), on: stream)
                try await client.wait("the call or GOAWAY") {
                    $0.goAway != nil || $0.responses[stream]?.data.readableBytes == 6
                }
                guard client.state.responses[stream]?.data.readableBytes == 6 else { return false }
                try await body(client, stream)
                return true
            }
        }
    }

    @Test func anIdleConnectionWithACallIsKept() async throws {
        try await TestServer.with(configure: { $0.maxConnectionIdle = .milliseconds(500) }) { server async throws in
            try await withCallInFlight(server) { client, stream async throws in
                try await Task.sleep(for: .milliseconds(1_500))
                #expect(client.state.goAway == nil)
                client.send(TestClient.framed([2]), on: stream, endStream: true)
                #expect(try await client.response(stream).messages == [[1], [2]])
            }
        }
    }

    @Test func anOldConnectionIsDrained() async throws {
        let configure: (inout GRPCServerConfiguration) -> Void = {
            $0.maxConnectionAge = .seconds(1)
            $0.drainGrace = .seconds(60)
        }
        try await TestServer.with(configure: configure) { server async throws in
            try await withCallInFlight(server) { client, stream async throws in
                try await client.wait("GOAWAY") { $0.goAway != nil }
                #expect(client.state.goAway?.lastStream == stream)
                #expect(client.state.goAway?.code == .noError)
                // What is in flight ends as if nothing had happened.
                client.send(TestClient.framed([2]), on: stream, endStream: true)
                #expect(try await client.response(stream).messages == [[1], [2]])
                try await client.wait("the close") { $0.isClosed }
            }
        }
    }

    @Test func keepaliveAsksAndAnsweredConnectionsLive() async throws {
        try await TestServer.with(
            configure: {
                $0.keepaliveTime = .milliseconds(50)
                $0.keepaliveTimeout = .seconds(20)
            }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                try await client.wait("three PINGs") { $0.pings >= 3 }
                #expect(!client.state.isClosed)
            }
        }
    }

    @Test func aConnectionThatDoesNotAnswerAPingIsClosed() async throws {
        try await TestServer.with(
            configure: {
                $0.keepaliveTime = .milliseconds(50)
                $0.keepaliveTimeout = .milliseconds(100)
            }
        ) { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let bytes = try await connection.exchange([RawConnection.preface + RawConnection.frame(4)])
            #expect(bytes.contains([0, 0, 8, 6, 0]))
        }
    }

    @Test func anAnswerNobodyTakesIsResetAndOthersGoOn() async throws {
        try await TestServer.with(configure: { $0.answerTimeout = .milliseconds(200) }) { server async throws in
            try await TestClient.with(
                port: server.port,
                settings: [.init(parameter: .initialWindowSize, value: 10)],
                manualWindows: true
            ) { client async throws in
                let stream = client.start("/test.Test/Echo", [UInt8](repeating: 1, count: 1_000))
                #expect(try await client.response(stream).reset == .cancel)
                try await eventually("all is given back") { server.budget.reserved == 0 }
                #expect(try await client.call("/test.Test/Echo", [2]).messages == [[2]])
                #expect(client.state.goAway == nil)
            }
        }
    }
}
