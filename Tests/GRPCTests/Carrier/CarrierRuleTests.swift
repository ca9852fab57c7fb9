// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Testing

/// What a server makes of a peer that carries calls in a way of its own.
@Suite struct CarrierRuleTests {
    private func open(_ client: TestClient) -> Int { client.open(TestClient.headers("/test.Test/Calls")) }

    /// The frames in an answer: their kinds, calls and bodies.
    private func frames(_ response: TestClient.Response?) -> [[UInt8]] { response?.messages ?? [] }

    @Test func answersCarryTheNumbersOfTheirCalls() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = open(client)
                client.send(CarrierMethods.frame(1, 3, [0xAA]), on: stream)
                client.send(CarrierMethods.frame(1, 0x0102_0304, [0xBB]), on: stream, endStream: true)
                let response = try await client.response(stream)
                #expect(frames(response) == [[32, 0, 0, 0, 3, 0xAA], [32, 1, 2, 3, 4, 0xBB]])
                #expect(response.grpcStatus == "0")
            }
        }
    }

    @Test func aStreamThatBreaksTheRulesEndsWithItsCalls() async throws {
        let broken: [(name: String, frame: ByteBuffer)] = [
            ("a number that was used", CarrierMethods.frame(1, 1)),
            ("no head", TestClient.framed([1, 0, 0])),
            ("compressed", CarrierMethods.frame(1, 2, flag: 1)),
            ("too long", CarrierMethods.frame(1, 2, [UInt8](repeating: 0, count: 66 << 10))),
        ]
        for (name, frame) in broken {
            try await TestServer.with(CarrierMethods.all()) { server async throws in
                try await TestClient.with(port: server.port) { client async throws in
                    let stream = open(client)
                    client.send(CarrierMethods.frame(3, 1), on: stream)
                    try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
                    client.send(frame, on: stream)
                    let status = try await client.response(stream).grpcStatus
                    #expect(status == (name == "too long" ? "8" : "13"), "\(name)")
                    try await eventually("its calls end") { server.server.statistics.callsInFlight == 0 }
                    #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]], "\(name)")
                }
            }
        }
    }

    @Test func aFrameThatIsNotKnownOrNotWholeIsRefusedAlone() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = open(client)
                client.send(CarrierMethods.frame(99, 1), on: stream)
                client.send(CarrierMethods.frame(1, 2, limit: nil), on: stream)
                client.send(CarrierMethods.frame(1, 3, [5]), on: stream, endStream: true)
                let answers = frames(try await client.response(stream))
                #expect(
                    answers.map { Array($0.prefix(6)) } == [
                        [35, 0, 0, 0, 1, 12], [35, 0, 0, 0, 2, 13], [32, 0, 0, 0, 3, 5],
                    ])
            }
        }
    }

    @Test func aConnectionHasOneCarrierAtATime() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let first = open(client)
                client.send(CarrierMethods.frame(1, 1, [1]), on: first)
                let second = open(client)
                #expect(try await client.response(second).grpcStatus == "9")
                client.reset(first)
                let third = open(client)
                client.send(CarrierMethods.frame(1, 1, [1]), on: third, endStream: true)
                #expect(try await client.response(third).messages == [[32, 0, 0, 0, 1, 1]])
            }
        }
    }

    @Test func aServerThatEndsSaysWhichCallsItHasBegun() async throws {
        let gate = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Gate") { call in
            _ = await gate.value()
            return call.message
        }
        try await TestServer.with(
            CarrierMethods.all(method), configure: { $0.drainGrace = .seconds(120) }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = open(client)
                client.send(CarrierMethods.frame(6, 7, [9]), on: stream)
                try await eventually("it runs") { server.server.statistics.callsInFlight == 1 }
                await server.shutDown()
                try await client.wait("the end is told") { $0.responses[stream]?.messages.isEmpty == false }
                client.send(CarrierMethods.frame(1, 8), on: stream)
                gate.succeed(true)
                let response = try await client.response(stream)
                #expect(frames(response) == [[34, 0, 0, 0, 7], [32, 0, 0, 0, 7, 9]])
                #expect(response.grpcStatus == "0")
            }
        }
    }

    @Test func aResetEndsAllCalls() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = open(client)
                for number in UInt32(1)...10 { client.send(CarrierMethods.frame(3, number), on: stream) }
                try await eventually("they run") { server.server.statistics.callsInFlight == 10 }
                client.reset(stream)
                try await eventually("they end") { server.server.statistics.callsInFlight == 0 }
                try await eventually("the budget is given back") { server.budget.reserved == 0 }
            }
        }
    }

    @Test func cancellationsInAFloodCloseTheConnection() async throws {
        try await TestServer.with(
            CarrierMethods.all(), configure: { $0.maxRapidResets = 1 }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = open(client)
                for number in UInt32(1)...500 {
                    client.send(CarrierMethods.frame(3, number), on: stream)
                    client.send(CarrierMethods.frame(16, number, limit: nil), on: stream)
                }
                try await client.wait("the connection ends") { $0.goAway?.code == .enhanceYourCalm }
                try await eventually("its calls end") { server.server.statistics.callsInFlight == 0 }
            }
        }
    }

    @Test func answersThatNobodyTakesEndTheStream() async throws {
        try await TestServer.with(
            CarrierMethods.all(), configure: { $0.answerTimeout = .milliseconds(200) }
        ) { server async throws in
            try await TestClient.with(port: server.port, manualWindows: true) { client async throws in
                let stream = open(client)
                client.send(CarrierMethods.frame(5, 1, [0, 200, 1]), on: stream)
                #expect(try await client.response(stream).reset == .cancel)
                try await eventually("the budget is given back") { server.budget.reserved == 0 }
                #expect(try await client.call("/test.Test/Refuse").grpcStatus == "7")
            }
        }
    }

    @Test func answersThatNobodyTakesAreBounded() async throws {
        try await TestServer.with(CarrierMethods.all(), budget: ByteBudget(limit: 1 << 20)) { server async throws in
            try await TestClient.with(port: server.port, manualWindows: true) { client async throws in
                let stream = open(client)
                for number in UInt32(1)...20 { client.send(CarrierMethods.frame(5, number, [0, 100, 1]), on: stream) }
                #expect(try await client.response(stream).reset != nil)
                try await eventually("the budget is given back") { server.budget.reserved == 0 }
                #expect(server.log.text.contains { $0.contains("gatehouse.memory_budget") })
            }
        }
    }
}
