// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct EventLoopTaskExecutorTests {
    /// Runs `body` with a group of two loops, which is gone afterwards.
    private func withGroup(_ body: (MultiThreadedEventLoopGroup) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        do {
            try await body(group)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    @Test func aTaskStaysOnItsLoopWhereverItsAwaitsAreResumed() async throws {
        try await withGroup { group in
            let (loop, other) = (group.next(), group.next())
            try #require(loop !== other)
            let executor = EventLoopTaskExecutor.of(loop)
            let places = await Task(executorPreference: executor) {
                var places = [loop.inEventLoop]
                await Task.yield()
                places.append(loop.inEventLoop)
                _ = try? await other.submit { 1 }.get()
                places.append(loop.inEventLoop)
                await withCheckedContinuation { continuation in other.execute { continuation.resume() } }
                places.append(loop.inEventLoop)
                places += await withTaskGroup(of: Bool.self) { children in
                    for _ in 0..<3 { children.addTask { loop.inEventLoop } }
                    return await children.reduce(into: []) { $0.append($1) }
                }
                return places
            }.value
            #expect(places == Array(repeating: true, count: 7))
        }
    }

    @Test func startedOnItsLoopATaskRunsToItsFirstSuspensionAtOnce() async throws {
        try await withGroup { group in
            let loop = group.next()
            let executor = EventLoopTaskExecutor.of(loop)
            let stage = Atomic<Int>(0)
            let (task, seen) = try await loop.submit {
                let task = executor.start {
                    stage.store(1, ordering: .relaxed)
                    await Task.yield()
                    stage.store(loop.inEventLoop ? 2 : -1, ordering: .relaxed)
                }
                return (task, stage.load(ordering: .relaxed))
            }.get()
            #expect(seen == 1)
            await task.value
            let last = stage.load(ordering: .relaxed)
            #expect(last == 2)
        }
    }

    @Test func startedElsewhereATaskRunsOnTheLoop() async throws {
        try await withGroup { group in
            let loop = group.next()
            let isThere = Atomic<Bool>(false)
            await EventLoopTaskExecutor.of(loop).start { isThere.store(loop.inEventLoop, ordering: .relaxed) }.value
            let result = isThere.load(ordering: .relaxed)
            #expect(result)
        }
    }

    @Test func aTaskThatAnotherStartsBeginsAtOnceAndTheOutermostGoesOn() async throws {
        try await withGroup { group in
            let loop = group.next()
            let executor = EventLoopTaskExecutor.of(loop)
            let order = Mutex<[Int]>([])
            let tasks = try await loop.submit {
                let inner = Mutex<Task<Void, Never>?>(nil)
                let outer = executor.start {
                    order.withLock { $0.append(1) }
                    let task = executor.start { order.withLock { $0.append(2) } }
                    inner.withLock { $0 = task }
                    order.withLock { $0.append(3) }
                    await Task.yield()
                    order.withLock { $0.append(5) }
                }
                order.withLock { $0.append(4) }
                return [outer] + (inner.withLock { $0 }.map { [$0] } ?? [])
            }.get()
            for task in tasks { await task.value }
            #expect(order.withLock { $0 } == [1, 2, 3, 4, 5])
        }
    }

    @Test func thereIsOneForEachLoopForAsLongAsSomebodyHoldsIt() async throws {
        try await withGroup { group in
            let (loop, other) = (group.next(), group.next())
            var executor: EventLoopTaskExecutor? = .of(loop)
            #expect(EventLoopTaskExecutor.of(loop) === executor)
            #expect(EventLoopTaskExecutor.of(other) !== executor)
            weak let before = executor
            executor = nil
            #expect(before == nil)
            #expect(EventLoopTaskExecutor.of(loop).eventLoop === loop)
        }
    }

    @Test func socketsGetTheirTurnWhileATaskYieldsAgainAndAgain() async throws {
        try await withGroup { group in
            let loop = group.next()
            let hasRead = Atomic<Bool>(false)
            let server = try await ServerBootstrap(group: loop)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            ReadNote { hasRead.store(true, ordering: .relaxed) })
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let address = try #require(server.localAddress)
            let client = try await ClientBootstrap(group: group.any()).connect(to: address).get()
            let spinner = EventLoopTaskExecutor.of(loop).start {
                while !hasRead.load(ordering: .relaxed), !Task.isCancelled { await Task.yield() }
            }
            client.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
            let watch = Task {
                try await Task.sleep(for: .seconds(30))
                spinner.cancel()
            }
            await spinner.value
            watch.cancel()
            let result = hasRead.load(ordering: .relaxed)
            #expect(result)
            try await client.close()
            try await server.close()
        }
    }
}

/// Says when bytes arrive.
private final class ReadNote: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let note: () -> Void

    init(_ note: @escaping () -> Void) { self.note = note }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { note() }
}
