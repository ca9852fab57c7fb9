// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Synchronization
import Testing

@Suite struct ClientCancellationTests {
    @Test func cancellingTheTaskResetsTheStream() async throws {
        let cancelled = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            do {
                try await Task.sleep(for: .seconds(3_600))
            } catch {
                cancelled.succeed(true)
            }
            return call.message
        }
        try await TestServer.with([method, TestMethods.echo]) { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                let task = Task { await channel.outcome("/test.Test/Wait") }
                try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
                task.cancel()
                #expect(await task.value.code == .cancelled)
                #expect(await cancelled.value())
                try await eventually("the room is free") { channel.callCounts == (0, 0) }
                #expect(try await channel.call("/test.Test/Echo", [1]) == [1])
                #expect(server.server.statistics.connections == 1)
            }
        }
    }

    @Test func aCancelledTaskCallsNobody() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await channel.outcome("/test.Test/Hang")
                }
                #expect(await task.value.code == .cancelled)
                try await eventually("nothing is left") { channel.callCounts == (0, 0) }
            }
        }
    }

    @Test func aCallEndsAtItsDeadline() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                let start = ContinuousClock.now
                let outcome = await channel.outcome("/test.Test/Hang", timeout: .milliseconds(50))
                #expect(outcome.code == .deadlineExceeded)
                #expect(ContinuousClock.now - start >= .milliseconds(50))
                #expect(await channel.outcome("/test.Test/Echo", timeout: .zero).code == .deadlineExceeded)
                try await eventually("the handler was cancelled") { server.server.statistics.callsInFlight == 0 }
            }
        }
    }

    /// Half of ten thousand calls are cancelled at random moments; the others are all right, and no connection is lost.
    @Test func aCancelStormDisturbsNobodyElse() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with(
                "127.0.0.1:\(server.port)",
                configure: {
                    $0.connections = 2
                    $0.maxConcurrentStreams = 200
                }
            ) { channel async throws in
                let wrong = Locked<[String]>([])
                let cancelled = Locked(0)
                var generator = SystemRandomNumberGenerator()
                var remaining = (0..<10_000).map { $0 < 5_000 }.shuffled(using: &generator)[...]
                var number: UInt32 = 0
                while !remaining.isEmpty {
                    let batch = remaining.prefix(1_000)
                    remaining = remaining.dropFirst(1_000)
                    await withTaskGroup(of: Void.self) { group in
                        for isDoomed in batch {
                            number += 1
                            let bytes = withUnsafeBytes(of: number) { Array($0) }
                            let delay = UInt64.random(in: 0..<20_000_000)
                            group.addTask {
                                let task = Task {
                                    await channel.outcome(isDoomed ? "/test.Test/Hang" : "/test.Test/Hop", bytes)
                                }
                                if isDoomed {
                                    try? await Task.sleep(for: .nanoseconds(Int64(delay)))
                                    task.cancel()
                                }
                                switch await task.value {
                                case .success(let answer):
                                    if isDoomed || answer != bytes { wrong.withLock { $0.append("answer \(answer)") } }
                                case .failure(let status):
                                    if isDoomed, status.code == .cancelled {
                                        cancelled.withLock { $0 += 1 }
                                    } else {
                                        wrong.withLock { $0.append("\(status)") }
                                    }
                                }
                            }
                        }
                    }
                }
                #expect(wrong.withLock { $0 } == [])
                #expect(cancelled.withLock { $0 } == 5_000)
                #expect(channel.status.generation == 2)
                try await eventually("nothing is left") { channel.callCounts == (0, 0) }
                try await eventually("the server has none either") { server.server.statistics.callsInFlight == 0 }
                #expect(server.server.statistics.connections == 2)
            }
        }
    }

    @Test func callsWaitInOrderWhenTheServerTakesNoMore() async throws {
        let order = Locked<[UInt8]>([])
        let method = GRPCMethod.unary("/test.Test/Note") { call in
            let number = call.message.readableBytesView.first ?? 0
            order.withLock { $0.append(number) }
            try await Task.sleep(for: .milliseconds(2))
            return call.message
        }
        try await TestServer.with([method], configure: { $0.maxConcurrentStreams = 1 }) { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in UInt8(0)..<50 {
                        group.addTask { _ = try await channel.call("/test.Test/Note", [number]) }
                        try await eventually("call \(number) is there") {
                            let counts = channel.callCounts
                            return counts.open + counts.waiting + order.withLock { $0.count } >= Int(number) + 1
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(order.withLock { $0 } == Array(0..<50))
            }
        }
    }

    @Test func waitingEndsAtTheDeadlineByCancellationAndAtItsLimit() async throws {
        try await TestServer.with(configure: { $0.maxConcurrentStreams = 1 }) { server async throws in
            try await GRPCChannel.with(
                "127.0.0.1:\(server.port)", configure: { $0.maxWaitingCalls = 2 }
            ) { channel async throws in
                let first = Task { await channel.outcome("/test.Test/Hang") }
                try await eventually("the room is taken") { channel.callCounts == (1, 0) }
                let second = Task { await channel.outcome("/test.Test/Echo", [2]) }
                try await eventually("one waits") { channel.callCounts == (1, 1) }
                let third = Task { await channel.outcome("/test.Test/Echo", [3], timeout: .milliseconds(50)) }
                #expect(await third.value.code == .deadlineExceeded)
                let fourth = Task { await channel.outcome("/test.Test/Echo", [4]) }
                try await eventually("two wait") { channel.callCounts == (1, 2) }
                let fifth = await channel.outcome("/test.Test/Echo", [5])
                #expect(fifth.code == .resourceExhausted)
                #expect(fifth.message.contains("gatehouse.grpc_client.max_waiting_calls"))
                second.cancel()
                #expect(await second.value.code == .cancelled)
                try await eventually("one waits") { channel.callCounts == (1, 1) }
                first.cancel()
                #expect(await first.value.code == .cancelled)
                guard case .success([4]) = await fourth.value else {
                    Issue.record("the last one got no answer")
                    return
                }
            }
        }
    }
}
