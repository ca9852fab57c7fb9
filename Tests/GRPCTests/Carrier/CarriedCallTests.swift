// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Sockets
import Testing

/// Calls that share a stream, caller and server: everything is as with streams of their own.
@Suite struct CarriedCallTests {
    private func place(_ channel: GRPCChannel, _ padding: Int = 0) async throws -> String {
        String(
            decoding: try await channel.call("/test.Test/Where", [UInt8](repeating: 0, count: padding)), as: UTF8.self)
    }

    @Test func callsShareAStreamWithAServerThatAnnouncesIt() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                #expect(try await place(channel) == "/test.Test/Calls")
                #expect(try await channel.call("/test.Test/Echo", []) == [])
            }
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)", features: 3) { channel async throws in
                #expect(try await place(channel) == "/test.Test/Where")
            }
        }
    }

    @Test func longRequestsHaveStreamsOfTheirOwnAndLongAnswersArriveWhole() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                #expect(try await place(channel, 60 << 10) == "/test.Test/Calls")
                #expect(try await place(channel, 65 << 10) == "/test.Test/Where")
                // 5,000 KiB is more than the windows of streams and connections.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for byte in UInt8(1)...4 {
                        group.addTask {
                            let answer = try await channel.call("/test.Test/Grow", [0x13, 0x88, byte])
                            #expect(answer.count == 5_000 << 10)
                            #expect(answer.allSatisfy { $0 == byte })
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func eachCallGetsItsOwnAnswer() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await GRPCChannel.carrying(
                "127.0.0.1:\(server.port)", configure: { $0.connections = 2 }
            ) { channel async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in UInt8(0)..<100 {
                        group.addTask {
                            for round in UInt8(0)..<20 {
                                let request = [UInt8](repeating: worker, count: Int(worker) * 13) + [worker, round]
                                let path = round % 2 == 0 ? "/test.Test/Echo" : "/test.Test/Hop"
                                let answer = try await channel.call(path, request)
                                #expect(answer == request)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await eventually("the room is free") { channel.callCounts == (0, 0) }
            }
        }
    }

    @Test func aStatusIsThatOfTheHandler() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                let outcome = await channel.outcome("/test.Test/Refuse")
                #expect(outcome.code == .permissionDenied)
                #expect(outcome.message == "not today, \u{1F511}")
                #expect(try await place(channel) == "/test.Test/Calls")
            }
        }
    }

    @Test func aCallEndsAtItsDeadlineOnBothSides() async throws {
        try await TestServer.with(CarrierMethods.all()) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                #expect(await channel.outcome("/test.Test/Hang", timeout: .milliseconds(50)).code == .deadlineExceeded)
                try await eventually("the handler was cancelled") { server.server.statistics.callsInFlight == 0 }
                #expect(try await place(channel) == "/test.Test/Calls")
            }
        }
    }

    @Test func cancellingACallEndsItsHandlerAndNoOther() async throws {
        let gate = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Gate") { call in
            _ = await gate.value()
            return call.message
        }
        try await TestServer.with(CarrierMethods.all(method)) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                let other = Task { try await channel.call("/test.Test/Gate", [7]) }
                let cancelled = Task { await channel.outcome("/test.Test/Hang") }
                try await eventually("both run") { server.server.statistics.callsInFlight == 2 }
                cancelled.cancel()
                #expect(await cancelled.value.code == .cancelled)
                try await eventually("its handler ended") { server.server.statistics.callsInFlight == 1 }
                gate.succeed(true)
                #expect(try await other.value == [7])
                try await eventually("the room is free") { channel.callCounts == (0, 0) }
            }
        }
    }

    @Test func aServerThatDoesNotKnowTheMethodGetsCallsWithStreamsOfTheirOwn() async throws {
        try await TestServer.with(TestMethods.all + [CarrierMethods.place]) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                #expect(try await place(channel) == "/test.Test/Where")
                #expect(try await place(channel) == "/test.Test/Where")
                #expect(server.server.statistics.connections == 1)
            }
        }
    }

    @Test func aServerThatEndsAnswersWhatItHasBegun() async throws {
        let gate = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Gate") { call in
            _ = await gate.value()
            return call.message
        }
        try await TestServer.with(
            CarrierMethods.all(method), configure: { $0.drainGrace = .seconds(120) }
        ) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                let calls = (0..<5).map { number in Task { try await channel.call("/test.Test/Gate", [number]) } }
                try await eventually("all run") { server.server.statistics.callsInFlight == 5 }
                await server.shutDown()
                try await eventually("the client knows") { channel.status.connectivity != .ready }
                gate.succeed(true)
                for (number, call) in calls.enumerated() { #expect(try await call.value == [UInt8(number)]) }
                try await eventually("the connection ends") { server.server.statistics.connections == 0 }
            }
        }
    }

    @Test func aLostConnectionEndsItsCallsAndTheNextOneCarriesAgain() async throws {
        try await withSocketPath { path in
            try await GRPCChannel.carrying("unix:\(path)") { channel async throws in
                for _ in 0..<2 {
                    let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: path)))
                    try await TestServer.with(
                        CarrierMethods.all(), configure: { $0.drainGrace = .milliseconds(10) }, listeners: [listener]
                    ) { server async throws in
                        try await eventually("it is found") { await channel.outcome("/test.Test/Echo").code == .ok }
                        #expect(try await place(channel) == "/test.Test/Calls")
                        let call = Task { await channel.outcome("/test.Test/Hang") }
                        try await eventually("it runs") { server.server.statistics.callsInFlight == 1 }
                        await server.shutDown()
                        #expect(await call.value.code == .unavailable)
                    }
                }
            }
        }
    }

    @Test func limitsAreThoseOfCallsWithStreams() async throws {
        try await TestServer.with(CarrierMethods.all(), configure: { $0.maxCallsInFlight = 2 }) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                let hanging = (0..<2).map { _ in Task { await channel.outcome("/test.Test/Hang") } }
                try await eventually("both run") { server.server.statistics.callsInFlight == 2 }
                let outcome = await channel.outcome("/test.Test/Echo", [1])
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message.contains("max_calls_in_flight"))
                for call in hanging { call.cancel() }
                try await eventually("it serves again") { await channel.outcome("/test.Test/Echo").code == .ok }
            }
        }
        try await TestServer.with(
            CarrierMethods.all(), configure: { $0.maxConcurrentStreams = 2 }
        ) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                let first = Task { await channel.outcome("/test.Test/Hang") }
                try await eventually("it runs") { server.server.statistics.callsInFlight == 1 }
                let second = Task { await channel.outcome("/test.Test/Echo", [2]) }
                try await eventually("the second waits") { channel.callCounts == (1, 1) }
                first.cancel()
                #expect(await second.value.code == .ok)
            }
        }
    }

    @Test func withoutMemoryACallIsRefusedAndTheStreamGoesOn() async throws {
        let budget = ByteBudget(limit: 40 << 10)
        try await TestServer.with(CarrierMethods.all(), budget: budget) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                let outcome = await channel.outcome("/test.Test/Where", [UInt8](repeating: 0, count: 60 << 10))
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message.contains("gatehouse.memory_budget"))
                #expect(try await place(channel) == "/test.Test/Calls")
            }
        }
    }

    @Test func aConnectionWithoutCallsIsIdle() async throws {
        try await TestServer.with(
            CarrierMethods.all(), configure: { $0.maxConnectionIdle = .milliseconds(200) }
        ) { server async throws in
            try await GRPCChannel.carrying("127.0.0.1:\(server.port)") { channel async throws in
                // Any of them may be let go of before anybody calls.
                try await eventually("a call is carried") {
                    guard case .success(let path) = await channel.outcome("/test.Test/Where") else { return false }
                    return path == Array("/test.Test/Calls".utf8)
                }
                let generation = channel.status.generation
                try await eventually("the server let go of it") { channel.status.generation > generation }
                try await eventually("it serves again") { await channel.outcome("/test.Test/Echo").code == .ok }
            }
        }
    }
}
