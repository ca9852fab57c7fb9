// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import Sockets
import Synchronization
import Testing

/// What must stay right under load; one after the other, because each keeps the machine busy.
@Suite(.serialized) struct ClientLoadTests {
    @Test func callsFromManyTasksGetTheirOwnAnswers() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with(
                "127.0.0.1:\(server.port)", configure: { $0.connections = 3 }
            ) { channel async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<32 {
                        group.addTask { () async throws in
                            for number in 0..<10 {
                                let bytes = Array("\(task)/\(number)".utf8)
                                let path = number % 2 == 0 ? "/test.Test/Echo" : "/test.Test/Hop"
                                let answer = try await channel.call(path, bytes)
                                #expect(answer == bytes)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await eventually("the room is free again") { channel.callCounts == (0, 0) }
                #expect(channel.status.connections == 3)
            }
        }
    }

    @Test func largeMessagesPassBothWays() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                // Compared as buffers: arrays of this size take a debug build seconds.
                var filled = ByteBuffer(repeating: 7, count: 5 << 20)
                for index in stride(from: 0, to: 5 << 20, by: 4_096) { filled.setInteger(UInt32(index), at: index) }
                let bytes = filled
                async let first = channel.unary("/test.Test/Echo", bytes, timeout: .seconds(60))
                async let second = channel.unary("/test.Test/Hop", bytes, timeout: .seconds(60))
                let answers = try await [first, second]
                #expect(answers[0] == bytes)
                #expect(answers[1] == bytes)
            }
        }
    }

    /// Half of six hundred calls are cancelled at random moments; the others are all right, and no connection is lost.
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
                var remaining = (0..<600).map { $0 < 300 }.shuffled(using: &generator)[...]
                var number: UInt32 = 0
                while !remaining.isEmpty {
                    let batch = remaining.prefix(300)
                    remaining = remaining.dropFirst(300)
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
                #expect(cancelled.withLock { $0 } == 300)
                #expect(channel.status.generation == 2)
                try await eventually("nothing is left") { channel.callCounts == (0, 0) }
                try await eventually("the server has none either") { server.server.statistics.callsInFlight == 0 }
                #expect(server.server.statistics.connections == 2)
            }
        }
    }

    /// Every connection is told to end after a few calls, and no call is lost.
    @Test func goAwayLosesNoCall() async throws {
        try await TestServer.with(configure: {
            $0.maxConnectionAge = .milliseconds(40)
            $0.drainGrace = .seconds(60)
        }
        ) { server async throws in
            try await GRPCChannel.with(
                "127.0.0.1:\(server.port)", configure: { $0.connections = 2 }
            ) { channel async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in UInt8(0)..<8 {
                        group.addTask { () async throws in
                            while channel.status.generation < 10 {
                                let answer = try await channel.call("/test.Test/Hop", [task])
                                #expect(answer == [task])
                                try await Task.sleep(for: .milliseconds(3))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    /// Two of three addresses lead nowhere, and the third asks for new connections all the time: no call fails.
    @Test func oneDrainingServerOfThreeAddressesIsEnough() async throws {
        let dead = [try DeadPort(), try DeadPort()]
        defer { for port in dead { port.close() } }
        try await TestServer.with(configure: {
            $0.maxConnectionAge = .milliseconds(50)
            $0.drainGrace = .seconds(60)
        }
        ) { server async throws in
            let target = "ipv4:127.0.0.1:\(dead[0].number),127.0.0.1:\(server.port),127.0.0.1:\(dead[1].number)"
            try await GRPCChannel.with(target) { channel async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in UInt8(0)..<4 {
                        group.addTask { () async throws in
                            while channel.status.generation < 10 {
                                let answer = try await channel.call("/test.Test/Hop", [task])
                                #expect(answer == [task])
                                try await Task.sleep(for: .milliseconds(3))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func aServerThatDrainsHandsItsCallsToTheOthers() async throws {
        try await TestServer.with { first async throws in
            try await TestServer.with { second async throws in
                let target = "ipv4:127.0.0.1:\(first.port),127.0.0.1:\(second.port)"
                try await GRPCChannel.with(target) { channel async throws in
                    channel.connect()
                    try await eventually("both are there") { channel.status.connections == 2 }
                    let stop = Locked(false)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for task in UInt8(0)..<4 {
                            group.addTask { () async throws in
                                while !stop.withLock({ $0 }) {
                                    let answer = try await channel.call("/test.Test/Hop", [task])
                                    #expect(answer == [task])
                                    try await Task.sleep(for: .milliseconds(1))
                                }
                            }
                        }
                        try await Task.sleep(for: .milliseconds(100))
                        await first.shutDown()
                        try await eventually("it is gone") { channel.status.connections == 1 }
                        try await Task.sleep(for: .milliseconds(100))
                        stop.withLock { $0 = true }
                        try await group.waitForAll()
                    }
                }
            }
        }
    }
}
