// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Testing

/// What a client makes of a server that carries calls in a way of its own.
@Suite struct ClientCarrierTests {
    /// The calls in a DATA frame: the numbers of those that are begun, by what stands in the frame.
    private static func calls(_ event: RawServer.Event) -> [UInt8] {
        guard event.type == 0 else { return [] }
        var rest = event.payload[...]
        var numbers: [UInt8] = []
        while rest.count >= 10 {
            let head = Array(rest.prefix(10))
            // Numbers and lengths of tests fit into a byte.
            if head[5] < 16 { numbers.append(head[9]) }
            rest = rest.dropFirst(5 + Int(head[4]))
        }
        return numbers
    }

    private static func answer(_ call: UInt8, _ body: UInt8, on stream: UInt32) -> [UInt8] {
        RawServer.data([32, 0, 0, 0, call, body], on: stream)
    }

    @Test func whatTheServerHasNotBegunIsSentAgain() async throws {
        // The first connection serves its first call and none above; the second serves all.
        try await RawServer.with { event in
            let calls = Self.calls(event)
            guard !calls.isEmpty else { return .nothing }
            let start = calls[0] == 1 ? RawServer.begin(event.stream) : []
            guard event.connection == 0 else {
                return RawServer.Reply(bytes: start + calls.flatMap { Self.answer($0, 2, on: event.stream) })
            }
            guard calls.contains(2) else { return RawServer.Reply(bytes: start) }
            return RawServer.Reply(
                bytes: start + RawServer.goAway(last: event.stream)
                    + RawServer.data([34, 0, 0, 0, 1], on: event.stream) + Self.answer(1, 1, on: event.stream)
                    + RawServer.end(event.stream))
        } _: { server async throws in
            try await GRPCChannel.carrying(server.target) { channel async throws in
                let first = Task { await channel.outcome("/test.Test/Echo") }
                try await eventually("the first is there") { server.received.contains { Self.calls($0) == [1] } }
                let second = Task { await channel.outcome("/test.Test/Echo") }
                guard case .success([1]) = await first.value, case .success([2]) = await second.value else {
                    Issue.record("\(await first.value), \(await second.value)")
                    return
                }
            }
        }
    }

    @Test func aCallThatMayHaveBegunIsNotSentAgain() async throws {
        try await RawServer.with { event in
            Self.calls(event).isEmpty ? .nothing : RawServer.Reply(closes: true)
        } _: { server async throws in
            try await GRPCChannel.carrying(server.target) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Echo")
                #expect(outcome.code == .unavailable)
                #expect(outcome.message.contains("lost during the call"))
                #expect(server.received.filter { !Self.calls($0).isEmpty }.count == 1)
            }
        }
    }

    @Test func aRefusedStreamMakesCallsHaveTheirOwn() async throws {
        try await RawServer.with { event in
            if event.endsRequest { return .send(RawServer.answer([9], on: event.stream)) }
            return Self.calls(event).isEmpty ? .nothing : .send(RawServer.reset(event.stream, 7))
        } _: { server async throws in
            try await GRPCChannel.carrying(server.target) { channel async throws in
                for _ in 0..<3 { #expect(try await channel.call("/test.Test/Echo") == [9]) }
                #expect(server.received.filter(\.endsRequest).map(\.stream) == [3, 5, 7])
            }
        }
    }

    @Test func aStreamThatEndsFailsItsCallsAndTheNextIsCarriedAnew() async throws {
        try await RawServer.with { event in
            guard let call = Self.calls(event).first else { return .nothing }
            return event.stream == 1
                ? .send(RawServer.begin(1), RawServer.end(1, status: "8", [("grpc-message", "no more")]))
                : .send(RawServer.begin(event.stream), Self.answer(call, 5, on: event.stream))
        } _: { server async throws in
            try await GRPCChannel.carrying(server.target) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Echo")
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message == "no more")
                #expect(try await channel.call("/test.Test/Echo") == [5])
            }
        }
    }

    @Test func afterTwoStreamsWithoutAnAnswerCallsHaveTheirOwn() async throws {
        // As something on the way does that lets no long streams through.
        let ends: [@Sendable (UInt32) -> [UInt8]] = [
            {
                let head = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "7")]
                return RawServer.headers(head, on: $0, endStream: true)
            },
            { RawServer.reset($0, 8) },
            { RawServer.begin($0) + RawServer.end($0, status: "12") },
        ]
        for end in ends {
            try await RawServer.with { event in
                if event.endsRequest { return .send(RawServer.answer([9], on: event.stream)) }
                return Self.calls(event).isEmpty ? .nothing : .send(end(event.stream))
            } _: { server async throws in
                try await GRPCChannel.carrying(server.target) { channel async throws in
                    for _ in 0..<2 { #expect(await channel.outcome("/test.Test/Echo").code != .ok) }
                    for _ in 0..<2 { #expect(try await channel.call("/test.Test/Echo") == [9]) }
                }
            }
        }
    }

    @Test func whatStandsBeforeAnAnswerIsNoPartOfItsLength() async throws {
        for (length, fits) in [(1_000, true), (1_001, false)] {
            try await RawServer.with { event in
                guard let call = Self.calls(event).first else { return .nothing }
                let answer = RawServer.prefixed([32, 0, 0, 0, call] + [UInt8](repeating: 7, count: length))
                return .send(RawServer.begin(1), RawConnection.frame(0, stream: 1, answer))
            } _: { server async throws in
                try await GRPCChannel.carrying(
                    server.target, configure: { $0.maxMessageSize = 1_000 }
                ) { channel async throws in
                    let outcome = await channel.outcome("/test.Test/Echo")
                    guard case .success(let bytes) = outcome else {
                        #expect(
                            !fits && outcome.code == .resourceExhausted && outcome.message.contains("of 1001 bytes"))
                        return
                    }
                    #expect(fits && bytes.count == length)
                }
            }
        }
    }

    @Test func callsHaveStreamsOfTheirOwnWhileTheServerTakesNothing() async throws {
        // It never opens a window: 64 KiB arrive, the rest waits.
        try await RawServer.with { _ in
            .nothing
        } _: { server async throws in
            try await GRPCChannel.carrying(server.target) { channel async throws in
                let request = [UInt8](repeating: 1, count: 60 << 10)
                let calls = (0..<30).map { _ in Task { await channel.outcome("/test.Test/Echo", request) } }
                try await eventually("one has its own") { server.received.contains { $0.type == 1 && $0.stream == 3 } }
                #expect(server.received.filter { $0.type == 1 }.count <= 14)
                for call in calls { call.cancel() }
                for call in calls { #expect(await call.value.code == .cancelled) }
            }
        }
    }

    @Test func framesThatAreNobodysArePassedOver() async throws {
        try await RawServer.with { event in
            guard let call = Self.calls(event).first else { return .nothing }
            return .send(
                RawServer.begin(event.stream), RawServer.data([77, 0, 0, 0, call], on: event.stream),
                Self.answer(99, 1, on: event.stream), Self.answer(call, 6, on: event.stream))
        } _: { server async throws in
            try await GRPCChannel.carrying(server.target) { channel async throws in
                #expect(try await channel.call("/test.Test/Echo") == [6])
            }
        }
    }

    @Test func aStreamThatBreaksTheRulesIsNotUsedAgain() async throws {
        let broken: [[UInt8]] = [
            RawServer.data([32, 0], on: 1), RawServer.data([32, 0, 0, 0, 1], flag: 1, on: 1),
            RawServer.data([], flag: 3, on: 1), RawServer.data([32, 0, 0, 0, 2], on: 1, endStream: true),
        ]
        for bytes in broken {
            try await RawServer.with { event in
                if event.endsRequest { return .send(RawServer.answer([9], on: event.stream)) }
                return Self.calls(event).isEmpty ? .nothing : .send(RawServer.begin(1), bytes)
            } _: { server async throws in
                try await GRPCChannel.carrying(server.target) { channel async throws in
                    let outcome = await channel.outcome("/test.Test/Echo")
                    #expect(outcome.code == .internal, "\(bytes)")
                    #expect(outcome.message.contains(server.target) || bytes.count == 14, "\(outcome)")
                    #expect(try await channel.call("/test.Test/Echo") == [9])
                }
            }
        }
    }

    @Test func anAnswerThatIsTooLongFailsItsCallAlone() async throws {
        try await RawServer.with { event in
            guard let call = Self.calls(event).first else { return .nothing }
            guard call == 2 else {
                return RawServer.Reply(bytes: call == 1 ? RawServer.begin(1) : Self.answer(3, 3, on: 1))
            }
            // The one that is too long comes in pieces, with another's answer behind it.
            let long = RawServer.prefixed([32, 0, 0, 0, 2] + [UInt8](repeating: 0, count: 2_000))
            return .send(
                RawConnection.frame(0, stream: 1, Array(long.prefix(7))),
                RawConnection.frame(0, stream: 1, Array(long[7..<1_500])),
                RawConnection.frame(
                    0, stream: 1, Array(long.dropFirst(1_500)) + RawServer.prefixed([32, 0, 0, 0, 1, 1])))
        } _: { server async throws in
            try await GRPCChannel.carrying(
                server.target, configure: { $0.maxMessageSize = 1_000 }
            ) { channel async throws in
                let other = Task { await channel.outcome("/test.Test/Echo") }
                try await eventually("the first is there") { server.received.contains { Self.calls($0) == [1] } }
                let outcome = await channel.outcome("/test.Test/Echo")
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message.contains("gatehouse.grpc_client.max_message_size"))
                guard case .success([1]) = await other.value else {
                    Issue.record("the other call: \(await other.value)")
                    return
                }
                #expect(try await channel.call("/test.Test/Echo") == [3])
            }
        }
    }
}
