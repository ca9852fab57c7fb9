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

    @Test func callsWaitInOrderWhenTheServerTakesNoMore() async throws {
        let order = Locked<[UInt8]>([])
        let goOn = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Note") { call in
            let number = call.message.readableBytesView.first ?? 0
            order.withLock { $0.append(number) }
            _ = await goOn.value()
            return call.message
        }
        try await TestServer.with([method], configure: { $0.maxConcurrentStreams = 1 }) { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in UInt8(0)..<50 {
                        group.addTask { _ = try await channel.call("/test.Test/Note", [number]) }
                        try await eventually("call \(number) is there") { channel.callCounts == (1, Int(number)) }
                    }
                    goOn.succeed(true)
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
