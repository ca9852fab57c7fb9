// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Sockets
import Synchronization
import Testing

@Suite struct ClientReconnectTests {
    @Test func callsToNobodyEndAtOnceAndSayWhy() async throws {
        let dead = try DeadPort()
        defer { dead.close() }
        try await GRPCChannel.with("127.0.0.1:\(dead.number)") { channel async throws in
            for _ in 0..<3 {
                let outcome = await channel.outcome("/test.Test/Echo")
                #expect(outcome.code == .unavailable)
                #expect(outcome.message.contains("127.0.0.1:\(dead.number) cannot be reached since 20"))
                #expect(outcome.message.contains("Connection refused"))
            }
            #expect(channel.status.connectivity == .transientFailure)
            #expect(channel.status.failure == "Connection refused")
        }
    }

    @Test func aServerThatComesLaterIsFound() async throws {
        try await withSocketPath { path in
            try await GRPCChannel.with("unix:\(path)") { channel async throws in
                #expect(await channel.outcome("/test.Test/Echo").code == .unavailable)
                for number in UInt8(1)...3 {
                    let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: path)))
                    try await TestServer.with(listeners: [listener]) { _ async throws in
                        try await eventually("it is found") { channel.status.connectivity == .ready }
                        #expect(try await channel.call("/test.Test/Echo", [number]) == [number])
                    }
                    try await eventually("its end is noticed") { channel.status.connectivity == .transientFailure }
                    #expect(await channel.outcome("/test.Test/Echo").message.contains("No such file or directory"))
                }
            }
        }
    }

    @Test func whatTheServerHasNotBegunIsSentAgain() async throws {
        // The first connection serves its first call and none above, by GOAWAY or by refusal; the second serves all.
        for byGoAway in [true, false] {
            let begun = Locked<[UInt32]>([])
            try await RawServer.with { event in
                guard event.endsRequest else { return .nothing }
                if event.connection > 0 { return .send(RawServer.answer([2], on: event.stream)) }
                guard event.stream > 1 else {
                    begun.withLock { $0.append(event.stream) }
                    return .nothing
                }
                let first = RawServer.answer([1], on: 1)
                return byGoAway
                    ? .send(RawServer.goAway(last: 1), first) : .send(RawServer.reset(event.stream, 7), first)
            } _: { server async throws in
                try await GRPCChannel.with(
                    "ipv4:\(server.target)", configure: { $0.connections = byGoAway ? 1 : 2 }
                ) { channel async throws in
                    if !byGoAway {
                        channel.connect()
                        try await eventually("both are there") { channel.status.connections == 2 }
                    }
                    let calls = (0..<(byGoAway ? 2 : 4)).map { _ in Task { await channel.outcome("/test.Test/Any") } }
                    for call in calls {
                        let outcome = await call.value
                        #expect(outcome.code == .ok, "\(outcome)")
                    }
                }
            }
        }
    }

    @Test func aCallRefusedTwiceEnds() async throws {
        try await RawServer.with { event in
            event.endsRequest ? .send(RawServer.reset(event.stream, 7)) : .nothing
        } _: { server async throws in
            try await GRPCChannel.with(server.target) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Any")
                #expect(outcome.code == .unavailable)
                #expect(outcome.message.contains("refused"))
                #expect(server.received.filter(\.endsRequest).count == 2)
            }
        }
    }

    @Test func aCallThatMayHaveBegunIsNotSentAgain() async throws {
        try await RawServer.with { event in
            event.endsRequest ? RawServer.Reply(closes: true) : .nothing
        } _: { server async throws in
            try await GRPCChannel.with(server.target) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Any")
                #expect(outcome.code == .unavailable)
                #expect(outcome.message.contains("lost during the call"))
                #expect(server.received.filter(\.endsRequest).count == 1)
            }
        }
    }

    @Test func callsGoToAllAddressesInTurn() async throws {
        let counts = Locked<[Int: Int]>([:])
        func method(_ number: Int) -> GRPCMethod {
            .unary("/test.Test/Where") { call in
                counts.withLock { $0[number, default: 0] += 1 }
                return call.message
            }
        }
        try await TestServer.with([method(1)]) { first async throws in
            try await TestServer.with([method(2)]) { second async throws in
                let dead = try DeadPort()
                defer { dead.close() }
                let target = "ipv4:127.0.0.1:\(first.port),127.0.0.1:\(dead.number),127.0.0.1:\(second.port)"
                try await GRPCChannel.with(target) { channel async throws in
                    channel.connect()
                    try await eventually("both are there") { channel.status.connections == 2 }
                    for _ in 0..<100 { _ = try await channel.call("/test.Test/Where") }
                    #expect(counts.withLock { $0 } == [1: 50, 2: 50])
                }
            }
        }
    }

    @Test func aNameIsLookedUpAgain() async throws {
        try await TestServer.with { first async throws in
            try await TestServer.with { second async throws in
                let port = Locked(first.port)
                let resolver = AddressResolver { host, _ in
                    #expect(host == "plugins.example.com")
                    return [try SocketAddress(ipAddress: "127.0.0.1", port: port.withLock { $0 })]
                }
                try await GRPCChannel.with(
                    "plugins.example.com:50051", configure: { $0.resolveInterval = .milliseconds(50) },
                    resolver: resolver
                ) { channel async throws in
                    try await eventually("the first address is used") {
                        await channel.outcome("/test.Test/Echo").code == .ok
                    }
                    #expect(first.server.statistics.connections == 1)
                    port.withLock { $0 = second.port }
                    try await eventually("the new address is used") {
                        second.server.statistics.connections == 1 && first.server.statistics.connections == 0
                    }
                    #expect(try await channel.call("/test.Test/Echo", [1]) == [1])
                }
            }
        }
    }

    @Test func aNameWithoutAddressesIsTold() async throws {
        try await GRPCChannel.with("no-such-host.invalid:1") { channel async throws in
            let outcome = await channel.outcome("/test.Test/Echo")
            #expect(outcome.code == .unavailable)
            #expect(outcome.message.contains("no-such-host.invalid"))
        }
    }

    @Test func shutdownLetsOpenCallsEnd() async throws {
        let goOn = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            _ = await goOn.value()
            return call.message
        }
        try await TestServer.with([method]) { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                let open = Task { await channel.outcome("/test.Test/Wait", [1]) }
                try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
                async let ended: Void = channel.shutDown(grace: .seconds(60))
                try await eventually("it takes no more") { channel.status.connectivity == .shutDown }
                let late = await channel.outcome("/test.Test/Wait")
                #expect(late.code == .unavailable)
                #expect(late.message.contains("shut down"))
                goOn.succeed(true)
                #expect(await open.value.code == .ok)
                await ended
                try await eventually("the connection is closed") { server.server.statistics.connections == 0 }
            }
        }
    }

    @Test func shutdownEndsCallsAfterTheGrace() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                let open = Task { await channel.outcome("/test.Test/Hang", [1]) }
                try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
                await channel.shutDown(grace: .milliseconds(20))
                #expect(await open.value.code == .unavailable)
            }
        }
    }
}
