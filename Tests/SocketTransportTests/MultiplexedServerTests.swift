// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import PluginWire
import SocketTransport
import Sockets
import Synchronization
import Testing
import Values

/// The server as a peer of ours sees it, which says hello and then has any number of calls in flight.
@Suite struct MultiplexedServerTests {
    private func call(_ id: UInt32, _ tool: String, _ args: ValueObject = [:], limit: UInt32 = 0) throws -> [UInt8] {
        TestSocketServer.tagged(.invokeHook, id, try TestSocketServer.request(tool, args), limit: limit)
    }

    @Test func answersComeWhenTheyAreReady() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            #expect(try await peer.greet() == .overSocket)
            try await peer.send(frame: call(1, "sleep", ["ms": 300]))
            try await peer.send(frame: call(2, "echo", ["n": 2]))
            let first = try #require(await peer.tagged())
            #expect(first.kind == .answer && first.call == 2)
            #expect(try first.says() == ["n": 2])
            let second = try #require(await peer.tagged())
            #expect(second.kind == .answer && second.call == 1)
        }
    }

    @Test func aCancelledCallIsCancelledAndNotAnswered() async throws {
        try await TestSocketServer.with { server in
            let before = SocketPlugin.cancelled.load(ordering: .relaxed)
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            try await peer.send(frame: call(1, "hang"))
            try await eventually("it runs") { server.server.callsInFlight == 1 }
            try await peer.send(frame: TestSocketServer.tagged(.cancel, 1))
            try await eventually("it is cancelled") { SocketPlugin.cancelled.load(ordering: .relaxed) > before }
            try await eventually("it has ended") { server.server.callsInFlight == 0 }
            try await peer.send(frame: call(2, "echo"))
            #expect(try await peer.tagged()?.call == 2)
        }
    }

    @Test func theCallersTimeLimitHoldsOnTheServer() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            try await peer.send(frame: call(1, "hang", limit: 50))
            #expect(try await peer.tagged()?.says() == "TIMEOUT")
        }
    }

    @Test func configurationsAreAskedForInTheSameWay() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            try await peer.send(frame: TestSocketServer.tagged(.getPluginConfig, 1, [0x0A, 5] + Array("probe".utf8)))
            let one = try #require(await peer.tagged())
            #expect(try GetPluginConfigResponse(decoding: one.body).config?.value["name"] == "Probe")
            try await peer.send(frame: TestSocketServer.tagged(.getPluginConfigs, 2))
            let all = try #require(await peer.tagged())
            #expect(try GetPluginConfigsResponse(decoding: all.body).configs.count == 1)
        }
    }

    @Test func moreCallsThanMayBeAreRefusedAndOthersGoOn() async throws {
        try await TestSocketServer.with(adjusting: { $0.maximumCallsPerConnection = 2 }) { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            for id in 1...3 as ClosedRange<UInt32> { try await peer.send(frame: call(id, "hang")) }
            let refusal = try #require(await peer.tagged())
            #expect(refusal.kind == .refusal && refusal.call == 3)
            #expect(String(buffer: refusal.body).contains("max_calls_per_connection"))
            #expect(server.server.callsInFlight == 2)
        }
    }

    @Test func aRequestThatIsTooLongIsRefusedAndOthersGoOn() async throws {
        try await TestSocketServer.with(adjusting: { $0.maximumMessageSize = 1_000 }) { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            let long = [UInt8](repeating: 0, count: 5_000)
            try await peer.send(frame: TestSocketServer.tagged(.invokeHook, 1, long, limit: 0))
            try await peer.send(frame: call(2, "echo"))
            let refusal = try #require(await peer.tagged())
            #expect(refusal.kind == .refusal && refusal.call == 1)
            #expect(String(buffer: refusal.body).contains("max_message_size"))
            #expect(try await peer.tagged()?.call == 2)
        }
    }

    @Test func badRequestsAreErrorsOfTheirCall() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            try await peer.send(frame: TestSocketServer.tagged(.invokeHook, 1, [0xFF], limit: 0))
            #expect(try await peer.tagged()?.says() == "INVALID_PAYLOAD")
            try await peer.send(frame: TestSocketServer.tagged(.init(rawValue: 99), 2))
            #expect(try await peer.tagged()?.kind == .refusal)
        }
    }

    @Test(arguments: [[1, 0, 0], TestSocketServer.tagged(.invokeHook, 0, [], limit: 0)])
    func framesThatBreakTheProtocolCloseTheConnection(frame: [UInt8]) async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            try await peer.send(frame: frame)
            #expect(try await peer.isEnded())
            #expect(server.log.contains("closed a connection"))
        }
    }

    @Test func aDrainSaysWhichCallsWereBegun() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            _ = try await peer.greet()
            try await peer.send(frame: call(5, "sleep", ["ms": 500]))
            try await eventually("it runs") { server.server.callsInFlight == 1 }
            await server.drain()
            #expect(try await peer.tagged() == TaggedFrame(.goAway, call: 5))
            try await peer.send(frame: call(6, "echo"))
            let refusal = try #require(await peer.tagged())
            #expect(refusal.kind == .refusal && refusal.call == 6)
            let answer = try #require(await peer.tagged())
            #expect(answer.kind == .answer && answer.call == 5)
            #expect(try await peer.isEnded())
        }
    }

    @Test func aServerThatOffersNothingStaysWithOneCallAtATime() async throws {
        try await TestSocketServer.with(features: []) { server in
            let peer = try RawSocket(server.path)
            #expect(try await peer.greet() == [])
            try await peer.send(frame: TestSocketServer.request("echo", ["n": 1]))
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 1])
        }
    }
}
