// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Synchronization
import Testing

/// What a server may do wrong, and what that does to the call it does it to; the next call goes well.
@Suite struct ClientMisbehaviourTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: GRPCStatus.Code
        var says = ""
        /// Whether the connection goes on.
        var keepsConnection = true
        /// Sent in answer to the first call, on its stream.
        let frames: @Sendable (UInt32) -> [UInt8]
    }

    static let faults: [Fault] = [
        Fault(testDescription: "data before headers", code: .internal, keepsConnection: false) {
            RawServer.data([1], on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "another content-type", code: .unknown, says: "text/html") {
            RawServer.headers([(":status", "200"), ("content-type", "text/html")], on: $0)
                + RawServer.data([1], on: $0, endStream: true)
        },
        Fault(testDescription: "no content-type", code: .unknown, says: "content-type") {
            RawServer.headers([(":status", "200")], on: $0, endStream: true)
        },
        Fault(testDescription: "HTTP 503", code: .unavailable, says: "503") {
            RawServer.headers([(":status", "503"), ("content-type", "text/plain")], on: $0, endStream: true)
        },
        Fault(testDescription: "HTTP 404", code: .unimplemented, says: "404") {
            RawServer.headers([(":status", "404")], on: $0, endStream: true)
        },
        Fault(testDescription: "HTTP 401 with a body", code: .unauthenticated, says: "401") {
            RawServer.headers([(":status", "401")], on: $0)
                + RawConnection.frame(0, flags: 1, stream: $0, Array("go away".utf8))
        },
        Fault(testDescription: "no HTTP status", code: .internal) {
            RawServer.headers([("content-type", "application/grpc")], on: $0, endStream: true)
        },
        Fault(testDescription: "a name in capitals", code: .internal) {
            RawServer.begin($0, [("X-Loud", "1")]) + RawServer.data([1], on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "a value with a line break", code: .internal) {
            RawServer.begin($0, [("x-split", "a\r\nb: c")]) + RawServer.data([1], on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "trailers without grpc-status", code: .unknown, says: "grpc-status") {
            RawServer.begin($0) + RawServer.data([1], on: $0)
                + RawServer.headers([("x-other", "1")], on: $0, endStream: true)
        },
        Fault(testDescription: "a grpc-status that is no number", code: .unknown, says: "\"abc\"") {
            RawServer.begin($0) + RawServer.data([1], on: $0) + RawServer.end($0, status: "abc")
        },
        Fault(testDescription: "a grpc-status of a later version", code: .unknown, says: "77") {
            RawServer.begin($0) + RawServer.data([1], on: $0) + RawServer.end($0, status: "77")
        },
        Fault(testDescription: "no trailers", code: .internal, says: "trailers") {
            RawServer.begin($0) + RawServer.data([1], on: $0, endStream: true)
        },
        Fault(testDescription: "OK without an answer", code: .internal, says: "without an answer") {
            RawServer.begin($0) + RawServer.end($0)
        },
        Fault(testDescription: "two answers", code: .internal, says: "more than one") {
            RawServer.begin($0) + RawServer.data([1], on: $0) + RawServer.data([2], on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "half an answer", code: .internal, says: "middle") {
            RawServer.begin($0) + RawConnection.frame(0, stream: $0, [0, 0, 0, 0, 9, 1]) + RawServer.end($0)
        },
        Fault(testDescription: "headers in the middle", code: .internal) {
            RawServer.begin($0) + RawServer.begin($0) + RawServer.data([1], on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "a claim of 1 GiB", code: .resourceExhausted, says: "max_message_size") {
            RawServer.begin($0) + RawConnection.frame(0, stream: $0, [0, 0x40, 0, 0, 0])
        },
        Fault(testDescription: "a bad flag of a message", code: .internal, says: "flag") {
            RawServer.begin($0) + RawServer.data([1], flag: 7, on: $0)
        },
        Fault(testDescription: "an encoding that is not known", code: .internal, says: "zstd") {
            RawServer.begin($0, [("grpc-encoding", "zstd")]) + RawServer.data([1], flag: 1, on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "compressed without a name for it", code: .internal, says: "grpc-encoding") {
            RawServer.begin($0) + RawServer.data([1], flag: 1, on: $0) + RawServer.end($0)
        },
        Fault(testDescription: "damaged gzip", code: .internal, says: "damaged") {
            RawServer.begin($0, [("grpc-encoding", "gzip")]) + RawServer.data([1, 2], flag: 1, on: $0)
        },
        Fault(testDescription: "reset with CANCEL", code: .cancelled, says: "CANCEL") { RawServer.reset($0, 8) },
        Fault(testDescription: "reset with ENHANCE_YOUR_CALM", code: .resourceExhausted) { RawServer.reset($0, 11) },
        Fault(testDescription: "reset with INTERNAL_ERROR", code: .internal) { RawServer.reset($0, 2) },
        Fault(testDescription: "reset in the middle", code: .internal, says: "PROTOCOL_ERROR") {
            RawServer.begin($0) + RawServer.reset($0, 1)
        },
        Fault(testDescription: "oversized headers", code: .unavailable, keepsConnection: false) {
            RawServer.begin($0, (0..<8).map { ("x-\($0)", String(repeating: "a", count: 4_000)) })
        },
        Fault(testDescription: "endless CONTINUATION", code: .unavailable, keepsConnection: false) {
            var frames = RawServer.headers([(":status", "200")], on: $0, endHeaders: false)
            for number in 0..<1_000 {
                frames += RawConnection.frame(9, stream: $0, RawServer.literal("x-\(number)", "a"))
            }
            return frames
        },
        Fault(testDescription: "garbage", code: .unavailable, keepsConnection: false) { _ in
            [UInt8](repeating: 0xFF, count: 100)
        },
        Fault(testDescription: "HTTP/1", code: .unavailable, keepsConnection: false) { _ in
            Array("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".utf8)
        },
        Fault(testDescription: "broken HPACK", code: .unavailable, keepsConnection: false) {
            RawConnection.frame(1, flags: 4, stream: $0, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        },
        Fault(testDescription: "a push", code: .unavailable, keepsConnection: false) {
            RawConnection.frame(5, flags: 4, stream: $0, [0, 0, 0, 2, 0x88])
        },
        Fault(testDescription: "an answer on a stream that never was", code: .unavailable, keepsConnection: false) {
            RawServer.answer([1], on: $0 + 100)
        },
    ]

    @Test(arguments: faults) func itCostsTheCallAndNoOther(fault: Fault) async throws {
        let calls = Locked(0)
        try await RawServer.with { event in
            guard event.endsRequest else { return .nothing }
            let number = calls.withLock { calls in
                defer { calls += 1 }
                return calls
            }
            return number == 0 ? .send(fault.frames(event.stream)) : .send(RawServer.answer([42], on: event.stream))
        } _: { server async throws in
            try await GRPCChannel.with(server.target) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Bad")
                #expect(
                    outcome.code == fault.code || !fault.keepsConnection && outcome.code == .unavailable, "\(outcome)")
                #expect(outcome.message.contains(fault.says), "\(outcome)")
                for _ in 0..<3 { #expect(try await channel.call("/test.Test/Good") == [42]) }
                if fault.keepsConnection {
                    #expect(server.received.allSatisfy { $0.connection == 0 })
                }
            }
        }
    }

    @Test func whatIsAllowedIsUnderstood() async throws {
        let gzipped: [UInt8] = [
            0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0x63, 0x64, 0x62, 0x66, 0x01, 0, 0xcd, 0xfb, 0x3c, 0xb6, 0x04, 0,
            0, 0,
        ]
        let answers: [@Sendable (UInt32) -> [UInt8]] = [
            // An informational response, unknown frames, a message in pieces, padding, an empty DATA frame.
            { RawServer.headers([(":status", "103")], on: $0) + RawServer.answer([1, 2, 3, 4], on: $0) },
            { RawConnection.frame(0xEE, stream: $0, [1]) + RawServer.answer([1, 2, 3, 4], on: $0) },
            {
                RawServer.begin($0) + RawConnection.frame(0, stream: $0, [0, 0, 0])
                    + RawConnection.frame(0, stream: $0, []) + RawConnection.frame(0, stream: $0, [0, 4, 1, 2])
                    + RawConnection.frame(0, flags: 8, stream: $0, [2, 3, 4, 0, 0]) + RawServer.end($0)
            },
            {
                RawServer.begin($0, [("grpc-encoding", "gzip")]) + RawServer.data(gzipped, flag: 1, on: $0)
                    + RawServer.end($0)
            },
            {
                RawServer.headers([(":status", "200"), ("content-type", "application/grpc+proto")], on: $0)
                    + RawServer.data([1, 2, 3, 4], on: $0) + RawServer.end($0)
            },
        ]
        let calls = Locked(0)
        try await RawServer.with { event in
            guard event.endsRequest else { return .nothing }
            let number = calls.withLock { calls in
                defer { calls += 1 }
                return calls
            }
            return .send(answers[number](event.stream))
        } _: { server async throws in
            try await GRPCChannel.with(server.target) { channel async throws in
                for _ in answers { #expect(try await channel.call("/test.Test/Good") == [1, 2, 3, 4]) }
            }
        }
    }

    @Test func lateFramesOfEndedCallsReachNobody() async throws {
        let calls = Locked(0)
        try await RawServer.with { event in
            guard event.endsRequest else { return .nothing }
            let number = calls.withLock { calls in
                calls += 1
                return calls
            }
            // The answer to the last call comes once more before this one's: HTTP/2 makes that an error of the connection.
            let late = event.stream > 1 ? RawServer.answer([0], on: event.stream - 2) : []
            return .send(late, RawServer.answer([UInt8(number)], on: event.stream))
        } _: { server async throws in
            try await GRPCChannel.with(server.target) { channel async throws in
                for _ in 0..<6 {
                    let before = calls.withLock { $0 }
                    switch await channel.outcome("/test.Test/Good") {
                    case .success(let bytes): #expect(bytes == [UInt8(before + 1)])
                    case .failure(let status): #expect(status.code == .unavailable)
                    }
                }
                #expect(server.received.contains { $0.connection > 0 })
            }
        }
    }

    @Test func lateFramesOfCancelledCallsDisturbNobody() async throws {
        let slow = Locked<[UInt32]>([])
        try await RawServer.with { event in
            guard event.endsRequest else { return .nothing }
            guard event.payload.last != 0 else {
                slow.withLock { $0.append(event.stream) }
                return .nothing
            }
            // Slow calls are answered when the next one comes: by then they were given up.
            let late = slow.withLock { slow in
                defer { slow = [] }
                return slow.flatMap { RawServer.answer([0], on: $0) }
            }
            return .send(late, RawServer.answer([event.payload.last ?? 0], on: event.stream))
        } _: { server async throws in
            try await GRPCChannel.with(
                server.target,
                configure: {
                    $0.breaker.consecutiveFailures = 1_000
                    $0.breaker.errorRate = 1
                }
            ) { channel async throws in
                for number in UInt8(1)..<20 {
                    let slow = await channel.outcome("/test.Test/Slow", [0], timeout: .milliseconds(5))
                    #expect(slow.code == .deadlineExceeded)
                    #expect(try await channel.call("/test.Test/Good", [number]) == [number])
                }
                #expect(server.received.allSatisfy { $0.connection == 0 })
            }
        }
    }

    /// A server may end a call before it has any of the request, which its window of no bytes holds back.
    @Test func anAnswerBeforeTheEndOfTheRequestEndsTheCall() async throws {
        try await RawServer.with(settings: [0, 4, 0, 0, 0, 0]) { event in
            guard event.type == 1 else { return .nothing }
            guard event.stream == 1 else { return .send(RawServer.answer([1], on: event.stream)) }
            let trailersOnly = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "7")]
            return .send(RawServer.headers(trailersOnly, on: event.stream, endStream: true))
        } _: { server async throws in
            try await GRPCChannel.with(server.target) { channel async throws in
                #expect(await channel.outcome("/test.Test/Bad", [1]).code == .permissionDenied)
                #expect(try await channel.call("/test.Test/Good", [1]) == [1])
                try await eventually("both streams are reset") { server.received.filter { $0.type == 3 }.count == 2 }
                #expect(!server.received.contains { $0.endsRequest || $0.connection > 0 })
            }
        }
    }

    @Test func aServerThatFloodsIsLeft() async throws {
        let floods: [[UInt8]] = [RawConnection.frame(6, [UInt8](repeating: 0, count: 8)), RawConnection.frame(4)]
        for frame in floods {
            // Made beforehand: what takes long on an event loop holds up all tests.
            let flood = [[UInt8]](repeating: frame, count: 3_000).flatMap { $0 }
            try await RawServer.with { event in
                guard event.endsRequest else { return .nothing }
                if event.connection > 0 { return .send(RawServer.answer([1], on: event.stream)) }
                return .send(flood)
            } _: { server async throws in
                try await GRPCChannel.with(server.target) { channel async throws in
                    #expect(await channel.outcome("/test.Test/Bad").code == .unavailable)
                    #expect(try await channel.call("/test.Test/Good") == [1])
                }
            }
        }
    }

    @Test func aServerThatSaysNothingIsNoServer() async throws {
        try await RawServer.with(settings: nil) { _ in
            .nothing
        } _: { server async throws in
            try await GRPCChannel.with(
                server.target, configure: { $0.connectTimeout = .milliseconds(500) }
            ) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Any")
                #expect(outcome.code == .unavailable)
                #expect(outcome.message.contains("not ready within"))
                #expect(outcome.message.contains(server.target))
            }
        }
    }
}
