// SPDX-License-Identifier: Apache-2.0

import Bench
import NIOCore
import NIOPosix
import Sockets

/// The threads that callers and their connections share: an answer wakes its caller without leaving the thread it came in on.
struct BenchLanes: Sendable {
    /// The event loops of connections.
    let group: MultiThreadedEventLoopGroup
    /// The same loops, as callers use them.
    let lanes: [LoadLane]

    /// Starts threads, does something with them, and ends them.
    static func with<Result: Sendable>(
        threads: Int, _ body: (BenchLanes) async throws -> Result
    ) async throws -> Result {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let lanes = BenchLanes(group: group, lanes: (0..<threads).map { _ in lane(on: group.next()) })
        do {
            let result = try await body(lanes)
            try await group.shutdownGracefully()
            return result
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
    }

    private static func lane(on eventLoop: any EventLoop) -> LoadLane {
        LoadLane(executor: EventLoopTaskExecutor.of(eventLoop)) { instant in
            let left = instant - .now
            guard left > .zero else { return }
            let alarm = eventLoop.scheduleTask(in: TimeAmount(left)) {}
            try await withTaskCancellationHandler {
                try await alarm.futureResult.get()
            } onCancel: {
                alarm.cancel()
            }
        }
    }
}
