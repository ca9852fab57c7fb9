// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Synchronization
import Testing

@testable import GRPC

@Suite struct ClientBreakerTests {
    private static func breaker(_ change: (inout GRPCChannelConfiguration.Breaker) -> Void = { _ in }) -> CircuitBreaker
    {
        var configuration = GRPCChannelConfiguration.Breaker()
        configuration.consecutiveFailures = 3
        configuration.minimumCalls = 10
        configuration.errorRate = 0.5
        configuration.window = .seconds(10)
        change(&configuration)
        return CircuitBreaker(configuration, now: .uptimeNanoseconds(0))
    }

    private func record(
        _ breaker: inout CircuitBreaker, _ good: Int, _ bad: Int, _ failure: String, _ now: NIODeadline
    ) -> Bool {
        breaker.record(good: good, bad: bad, lastFailure: failure, now: now)
    }

    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    @Test func failuresInARowOpenIt() {
        var breaker = Self.breaker()
        do { let opened = record(&breaker, 0, 2, "x", Self.at(0)); #expect(!opened) }
        do { let opened = record(&breaker, 1, 0, "", Self.at(0)); #expect(!opened) }
        do { let opened = record(&breaker, 0, 2, "x", Self.at(0)); #expect(!opened) }
        do { let opened = record(&breaker, 0, 1, "broken", Self.at(0)); #expect(opened) }
        #expect(breaker.opening?.reason == "3 calls in a row failed, the last with broken")
        do { let opened = record(&breaker, 0, 1, "x", Self.at(0)); #expect(!opened) }
        breaker.close(now: Self.at(1))
        #expect(breaker.opening == nil)
        do { let opened = record(&breaker, 0, 2, "x", Self.at(1)); #expect(!opened) }
    }

    @Test func theErrorRateOpensItOnceThereAreEnoughCalls() {
        var breaker = Self.breaker { $0.consecutiveFailures = .max }
        for _ in 0..<4 { do { let opened = record(&breaker, 1, 1, "x", Self.at(0)); #expect(!opened) } }
        do { let opened = record(&breaker, 1, 1, "x", Self.at(0)); #expect(opened) }
        #expect(breaker.opening?.reason == "5 of the last 10 calls failed, the last with x")
    }

    @Test func whatIsLongPastDoesNotCount() {
        var breaker = Self.breaker { $0.consecutiveFailures = .max }
        do { let opened = record(&breaker, 0, 9, "x", Self.at(0)); #expect(!opened) }
        do { let opened = record(&breaker, 5, 1, "x", Self.at(11)); #expect(!opened) }
        do { let opened = record(&breaker, 4, 1, "x", Self.at(16)); #expect(!opened) }
        do { let opened = record(&breaker, 0, 1, "x", Self.at(40)); #expect(!opened) }
    }

    @Test func aBackoffGrowsToItsLimitAndIsNeverTheSame() {
        var backoff = Backoff(first: .milliseconds(100), most: .seconds(1))
        var last: TimeAmount = .zero
        for step in 0..<20 {
            let delay = backoff.delay()
            let expected = min(1_000_000_000, 100_000_000 * (0..<step).reduce(1.0) { value, _ in value * 1.6 })
            #expect(Double(delay.nanoseconds) >= expected * 0.8 - 1)
            #expect(Double(delay.nanoseconds) <= expected * 1.2 + 1)
            last = delay
        }
        #expect(last > .milliseconds(799))
        backoff.reset()
        #expect(backoff.delay() < .milliseconds(121))
    }

    /// A server that stops answering: every call ends at its deadline, then none is sent, until it answers again.
    @Test func aFrozenServerGetsNoMoreCallsUntilItSaysThatItServes() async throws {
        let isFrozen = Locked(true)
        let calls = Locked(0)
        try await RawServer.with { event in
            guard event.endsRequest else { return .nothing }
            calls.withLock { $0 += 1 }
            guard !isFrozen.withLock({ $0 }) else { return .nothing }
            // An answer that is a HealthCheckResponse of SERVING as well.
            return .send(RawServer.answer([8, 1], on: event.stream))
        } _: { server async throws in
            try await GRPCChannel.with(
                server.target,
                configure: {
                    $0.breaker.probeInterval = .milliseconds(20)
                    $0.breaker.probeTimeout = .milliseconds(20)
                    $0.maxReconnectDelay = .milliseconds(50)
                }
            ) { channel async throws in
                channel.connect()
                try await eventually("it is there") { channel.status.connectivity == .ready }
                // A call that was not sent in its time says nothing about the server, so there may be more than five.
                try await eventually("the breaker is open") {
                    let outcome = await channel.outcome("/test.Test/Any", timeout: .milliseconds(20))
                    #expect(outcome.code == .deadlineExceeded || channel.status.breaker != .closed)
                    return channel.status.breaker != .closed
                }
                #expect(!channel.status.isServing)
                let refused = await channel.outcome("/test.Test/Any")
                #expect(refused.code == .unavailable)
                #expect(refused.message.contains("held back since 20"))
                #expect(refused.message.contains("5 calls in a row failed, the last with DEADLINE_EXCEEDED"))
                isFrozen.withLock { $0 = false }
                try await eventually("the breaker is closed") { channel.status.breaker == .closed }
                #expect(try await channel.call("/test.Test/Any") == [8, 1])
            }
        }
    }

    @Test func theProbeFallsBackToOldHealthServicesAndBelievesNotServing() async throws {
        // Without the standard service the old one is asked; without both, an answer is enough.
        let status = Locked<UInt8>(2)
        let old = GRPCMethod.unary("/old.Health/Check") { _ in ByteBuffer(bytes: [8, status.withLock { $0 }]) }
        let broken = Locked(true)
        let method = GRPCMethod.unary("/test.Test/Any") { call in
            if broken.withLock({ $0 }) { throw GRPCStatus(.unavailable, "broken") }
            return call.message
        }
        for methods in [[method, old], [method]] {
            broken.withLock { $0 = true }
            status.withLock { $0 = 2 }
            try await TestServer.with(methods) { server async throws in
                try await GRPCChannel.with(
                    "127.0.0.1:\(server.port)",
                    configure: {
                        $0.breaker.consecutiveFailures = 2
                        $0.breaker.probeInterval = .milliseconds(10)
                        $0.breaker.healthFallbacks = ["/old.Health/Check"]
                    }
                ) { channel async throws in
                    for _ in 0..<2 { #expect(await channel.outcome("/test.Test/Any").code == .unavailable) }
                    if methods.count == 2 {
                        try await eventually("it is open") { channel.status.breaker != .closed }
                        let started = server.server.statistics.callsStarted
                        try await eventually("it was asked") { server.server.statistics.callsStarted > started + 1 }
                        #expect(channel.status.breaker != .closed)
                        status.withLock { $0 = 1 }
                    }
                    broken.withLock { $0 = false }
                    // A call may end a moment before the breaker has taken note of it.
                    try await eventually("calls are answered") {
                        await channel.outcome("/test.Test/Any", [1]).code == .ok
                    }
                }
            }
        }
    }

    @Test func aServerThatDoesNotAnswerAPingIsLeft() async throws {
        try await RawServer.with { event in
            // The first connection is as good as dead.
            guard event.connection > 0 else { return .nothing }
            if event.type == 6 { return .send(RawConnection.frame(6, flags: 1, event.payload)) }
            return event.endsRequest ? .send(RawServer.answer([1], on: event.stream)) : .nothing
        } _: { server async throws in
            try await GRPCChannel.with(
                server.target,
                configure: {
                    $0.keepaliveTime = .milliseconds(30)
                    $0.keepaliveTimeout = .seconds(3)
                }
            ) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Any")
                #expect(outcome.code == .unavailable)
                #expect(outcome.message.contains("PING"))
                #expect(try await channel.call("/test.Test/Any") == [1])
                #expect(server.received.contains { $0.type == 6 })
            }
        }
    }

    @Test func aServerThatAnswersPingsIsWaitedFor() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with(
                "127.0.0.1:\(server.port)",
                configure: {
                    $0.keepaliveTime = .milliseconds(10)
                    $0.keepaliveTimeout = .seconds(60)
                }
            ) { channel async throws in
                channel.connect()
                try await eventually("it is there") { channel.status.connectivity == .ready }
                let outcome = await channel.outcome("/test.Test/Hang", timeout: .milliseconds(300))
                #expect(outcome.code == .deadlineExceeded)
                #expect(channel.status.generation == 1)
            }
        }
    }
}

@Suite struct GRPCTargetTests {
    @Test(arguments: [
        ("plugins.example.com:50051", "plugins.example.com:50051"), ("dns:///plugins:1", "plugins:1"),
        ("dns:plugins:1", "plugins:1"), ("127.0.0.1:50051", "127.0.0.1:50051"), ("[::1]:50051", "[::1]:50051"),
        ("ipv4:1.2.3.4:5", "1.2.3.4:5"), ("ipv4:1.2.3.4:5,1.2.3.4:6", "ipv4:1.2.3.4:5,1.2.3.4:6"),
        ("ipv6:[::1]:5,[::2]:5", "ipv6:[::1]:5,[::2]:5"), ("unix:/run/p.sock", "unix:/run/p.sock"),
        ("unix:///run/p.sock", "unix:/run/p.sock"),
    ])
    func targetsOfEveryKindAreRead(text: String, description: String) throws {
        #expect(try GRPCTarget(text).description == description)
    }

    @Test(arguments: [
        "", "plugins", "plugins:", ":50051", "plugins:0", "plugins:65536", "plugins:x", "::1:50051", "unix:run",
        "unix:/" + String(repeating: "x", count: 120), "dns://8.8.8.8/plugins:1", "ipv4:plugins:1", "ipv4:[::1]:1",
        "ipv6:1.2.3.4:1", "ipv4:1.2.3.4:1,", "plu gins:1", "http://plugins:1", "plugins:1/x",
    ])
    func otherTextsAreRefused(text: String) {
        #expect(throws: GRPCTargetError.self) { try GRPCTarget(text) }
    }

    @Test func equalTargetsAreOne() throws {
        #expect(try GRPCTarget("dns:///plugins:1") == GRPCTarget("plugins:1"))
        #expect(try GRPCTarget("plugins:1") != GRPCTarget("plugins:2"))
    }

    @Test func timeoutsAreSentInEightDigits() {
        let cases: [(TimeAmount, String)] = [
            (.nanoseconds(-5), "1n"), (.nanoseconds(1), "1n"), (.milliseconds(99), "99000000n"),
            (.nanoseconds(100_000_001), "100001u"), (.seconds(30), "30000000u"), (.seconds(100), "100000m"),
            (.hours(100_000), "360000000S".count == 10 ? "99999999S" : ""),
        ]
        for (time, text) in cases { #expect(GRPCTimeout.text(time) == text) }
    }
}
