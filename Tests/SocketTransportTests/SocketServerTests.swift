// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import PluginFramework
import PluginWire
import SocketTransport
import Sockets
import Synchronization
import Testing
import Values

/// The server as a peer sees it that sends one request at a time.
@Suite struct SocketServerTests {
    @Test func theThreeRequestsAreAnswered() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            try await peer.send(frame: TestSocketServer.request("echo", ["n": 1]))
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 1])
            try await peer.send(frame: [0x0A, 5] + Array("PROBE".utf8))
            let config = try GetPluginConfigResponse(decoding: ByteBuffer(bytes: await peer.frame() ?? []))
            #expect(config.config?.value["name"] == "Probe")
            try await peer.send(frame: [])
            let configs = try GetPluginConfigsResponse(decoding: ByteBuffer(bytes: await peer.frame() ?? []))
            #expect(configs.configs.count == 1)
        }
    }

    @Test func whatIsNoRequestIsAnsweredWithUnknownMessage() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            try await peer.send(frame: Array("what is this?".utf8))
            #expect(try await TestSocketServer.says(peer.frame()) == "UNKNOWN_MESSAGE")
            // The connection is as good as before.
            try await peer.send(frame: TestSocketServer.request("echo", ["n": 2]))
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 2])
        }
    }

    @Test func requestsOfAConnectionAreAnsweredInTheirOrder() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            var bytes: [UInt8] = []
            for number in 0..<20 {
                let args: ValueObject = ["n": .int(Int64(number)), "ms": .int(number % 3 == 0 ? 5 : 0)]
                bytes += RawSocket.prefixed(try TestSocketServer.request(number % 2 == 0 ? "sleep" : "echo", args))
            }
            try await peer.send(bytes)
            for number in 0..<20 {
                #expect(try await TestSocketServer.says(peer.frame())["n"] == .int(Int64(number)))
            }
        }
    }

    @Test func aPluginThatAwaitsOnOneConnectionDelaysNoOther() async throws {
        try await TestSocketServer.with { server in
            let waiting = try RawSocket(server.path)
            try await waiting.send(frame: TestSocketServer.request("hang"))
            for number in 0..<8 {
                let other = try RawSocket(server.path)
                try await other.send(frame: TestSocketServer.request("echo", ["n": .int(Int64(number))]))
                #expect(try await TestSocketServer.says(other.frame()) == ["n": .int(Int64(number))])
            }
        }
    }

    @Test func aPeerThatLeavesHasItsCallCancelled() async throws {
        try await TestSocketServer.with { server in
            let before = SocketPlugin.cancelled.load(ordering: .relaxed)
            let peer = try RawSocket(server.path)
            try await peer.send(frame: TestSocketServer.request("hang"))
            try await eventually("it runs") { server.server.callsInFlight == 1 }
            peer.close()
            try await eventually("it is cancelled") { SocketPlugin.cancelled.load(ordering: .relaxed) > before }
            try await eventually("the connection is gone") { server.server.connectionCount == 0 }
            #expect(server.budget.reserved == 0)
        }
    }

    @Test func whoSendsNoMoreStillGetsItsAnswers() async throws {
        try await TestSocketServer.with { server in
            let peer = try RawSocket(server.path)
            try await peer.send(
                RawSocket.prefixed(TestSocketServer.request("sleep", ["ms": 50]))
                    + RawSocket.prefixed(TestSocketServer.request("echo", ["n": 3])))
            peer.endInput()
            #expect(try await TestSocketServer.says(peer.frame()) == ["ms": 50])
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 3])
            #expect(try await peer.isEnded())
        }
    }

    @Test func aFrameThatIsTooLongClosesItsConnectionAndSaysSo() async throws {
        try await TestSocketServer.with(adjusting: { $0.maximumMessageSize = 1_000 }) { server in
            let peer = try RawSocket(server.path)
            try await peer.send([0, 0, 3, 233, 1, 1, 1, 1, 1])
            #expect(try await peer.isEnded())
            #expect(server.log.contains("unix_socket_server_settings.max_message_size"))
            let garbage = try RawSocket(server.path)
            try await garbage.send(Array("GET / HTTP/1.1\r\n".utf8))
            #expect(try await garbage.isEnded())
        }
    }

    @Test func anAnswerThatIsTooLongIsAnError() async throws {
        try await TestSocketServer.with(adjusting: { $0.maximumMessageSize = 10_000 }) { server in
            let peer = try RawSocket(server.path)
            try await peer.send(frame: TestSocketServer.request("large", ["bytes": 20_000]))
            #expect(try await TestSocketServer.says(peer.frame()) == "INTERNAL_ERROR")
            try await peer.send(frame: TestSocketServer.request("echo", ["n": 4]))
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 4])
        }
    }

    @Test func aConnectionWithoutCallsEnds() async throws {
        try await TestSocketServer.with(adjusting: { $0.idleTimeout = .milliseconds(200) }) { server in
            let peer = try RawSocket(server.path)
            try await peer.send(frame: TestSocketServer.request("sleep", ["ms": 400]))
            // A call is no idleness.
            #expect(try await TestSocketServer.says(peer.frame()) == ["ms": 400])
            #expect(try await peer.isEnded())
        }
    }

    @Test func aRequestThatDoesNotArriveInTimeEndsItsConnection() async throws {
        try await TestSocketServer.with(adjusting: { $0.requestTimeout = .milliseconds(100) }) { server in
            let peer = try RawSocket(server.path)
            try await peer.send([0, 0, 0, 50, 1, 2, 3])
            #expect(try await peer.isEnded())
            #expect(server.log.contains("request_timeout"))
        }
    }

    @Test func aPeerThatDoesNotReadHoldsUpItselfAlone() async throws {
        try await TestSocketServer.with(adjusting: { $0.answerTimeout = .seconds(1) }) { server in
            let peer = try RawSocket(server.path)
            let request = RawSocket.prefixed(try TestSocketServer.request("large", ["bytes": 1_000_000]))
            // Fifty megabytes are asked for; no more than a few answers are made before the peer reads.
            let asking = Task { try await peer.send(Array(repeatElement(request, count: 50).joined())) }
            try await eventually("the server gives up") { server.log.contains("answer_timeout") }
            #expect(server.budget.reserved < 8_000_000)
            _ = try? await asking.value
            let other = try RawSocket(server.path)
            try await other.send(frame: TestSocketServer.request("echo", ["n": 5]))
            #expect(try await TestSocketServer.says(other.frame()) == ["n": 5])
        }
    }

    @Test func bytesBeyondTheBudgetAreRefusedAndTheConnectionGoesOn() async throws {
        let budget = ByteBudget(limit: 300_000)
        try await TestSocketServer.with(budget: budget) { server in
            let peer = try RawSocket(server.path)
            try await peer.send(
                frame: TestSocketServer.request("echo", ["text": .string(String(repeating: "x", count: 1_000_000))]))
            #expect(try await TestSocketServer.says(peer.frame()) == "PLUGIN_UNAVAILABLE")
            try await peer.send(frame: TestSocketServer.request("echo", ["n": 6]))
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 6])
            peer.close()
            try await eventually("all is given back") { budget.reserved == 0 }
        }
    }

    @Test func onlyUsersAndGroupsThatAreAllowedMayConnect() async throws {
        let (user, group) = (getuid(), getgid())
        try await TestSocketServer.with(adjusting: { $0.allowedUsers = [user &+ 1] }) { server in
            let peer = try RawSocket(server.path)
            #expect(try await peer.isEnded())
            #expect(server.log.contains("allow_uids"))
            #expect(server.log.contains("pid \(getpid()), uid \(user), gid \(group)"))
        }
        let byGroup: (inout UnixSocketServerSettings) -> Void = { settings in
            settings.allowedUsers = []
            settings.allowedGroups = [group]
        }
        try await TestSocketServer.with(adjusting: byGroup) { server in
            let peer = try RawSocket(server.path)
            try await peer.send(frame: TestSocketServer.request("echo", ["n": 7]))
            #expect(try await TestSocketServer.says(peer.frame()) == ["n": 7])
        }
    }

    @Test func moreConnectionsThanMayBeAreRefused() async throws {
        try await TestSocketServer.with(adjusting: { $0.maximumConnections = 1 }) { server in
            let first = try RawSocket(server.path)
            try await first.send(frame: TestSocketServer.request("echo"))
            _ = try await first.frame()
            let second = try RawSocket(server.path)
            #expect(try await second.isEnded())
            #expect(server.log.contains("max_connections"))
        }
    }

    @Test func aDrainLetsCallsEndAndClosesTheRest() async throws {
        try await TestSocketServer.with { server in
            let idle = try RawSocket(server.path)
            try await idle.send(frame: TestSocketServer.request("echo"))
            _ = try await idle.frame()
            let busy = try RawSocket(server.path)
            try await busy.send(frame: TestSocketServer.request("sleep", ["ms": 500]))
            try await eventually("it runs") { server.server.callsInFlight == 1 }
            await server.drain()
            #expect(try await idle.isEnded())
            #expect(try await TestSocketServer.says(busy.frame()) == ["ms": 500])
            #expect(try await busy.isEnded())
            #expect(throws: RawSocket.Failure.self) { try RawSocket(server.path) }
        }
    }

    @Test func aDrainDoesNotWaitForEver() async throws {
        try await TestSocketServer.with(grace: .milliseconds(100)) { server in
            let peer = try RawSocket(server.path)
            try await peer.send(frame: TestSocketServer.request("hang"))
            try await eventually("it runs") { server.server.callsInFlight == 1 }
            await server.drain()
            #expect(try await peer.isEnded())
        }
    }
}
