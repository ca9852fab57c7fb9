// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Synchronization

/// Runs tasks on one event loop, so that a request stays on the thread of its connection from its first byte to its answer.
///
/// What a task awaits and is resumed with on that loop costs no other thread. The loop must be worked off until the last task on
/// it has ended: jobs for a loop that was shut down are lost.
///
/// `@unchecked Sendable`: the variables are read and written on the event loop only.
package final class EventLoopTaskExecutor: TaskExecutor, @unchecked Sendable {
    /// The loop that tasks run on.
    package let eventLoop: any EventLoop

    private var jobs: [UnownedJob] = []
    /// Kept for its storage.
    private var emptyJobs: [UnownedJob] = []
    private var isScheduled = false
    private var startsNow = false
    private var isRunning = false
    /// How many passes brought about the next one, each by itself.
    private var chain = 0

    /// After so many passes that brought about each other sockets get a turn: NIO works off what is executed on a loop, and what
    /// that executes in turn, before it looks at them.
    private static let longestChain = 1_000
    /// A time to come ends the loop's turn, if it is still to come when the loop looks at it.
    private static let pause = TimeAmount.microseconds(100)

    private init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    // MARK: One for each loop

    private struct Entry {
        weak var executor: EventLoopTaskExecutor?
    }

    private static let table = Mutex<[ObjectIdentifier: Entry]>([:])

    /// The executor of an event loop, the same for all that hold it at a time.
    ///
    /// Takes a lock: to be asked for once by each connection or client, and kept.
    package static func of(_ eventLoop: any EventLoop) -> EventLoopTaskExecutor {
        table.withLock { table in
            let key = ObjectIdentifier(eventLoop)
            if let executor = table[key]?.executor { return executor }
            let executor = EventLoopTaskExecutor(eventLoop)
            table[key] = Entry(executor: executor)
            return executor
        }
    }

    deinit {
        let key = ObjectIdentifier(eventLoop)
        Self.table.withLock { table in
            // Another may have been made in the meantime.
            if let entry = table[key], entry.executor == nil { table[key] = nil }
        }
    }

    // MARK: Running

    /// Starts a task on the loop; called there, the task runs up to its first suspension before this returns.
    ///
    /// The caller owns the task. It has no parent: cancelling and awaiting it are the caller's to do.
    package func start(_ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        guard eventLoop.inEventLoop else { return Task(executorPreference: self, operation: operation) }
        startsNow = true
        defer { startsNow = false }
        return Task(executorPreference: self, operation: operation)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard eventLoop.inEventLoop else {
            eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            return
        }
        if startsNow {
            startsNow = false
            job.runSynchronously(on: asUnownedTaskExecutor())
            return
        }
        jobs.append(job)
        guard !isScheduled else { return }
        isScheduled = true
        chain = isRunning ? chain + 1 : 0
        if chain < Self.longestChain {
            eventLoop.execute { self.runJobs() }
        } else {
            chain = 0
            eventLoop.scheduleTask(in: Self.pause) { self.runJobs() }
        }
    }

    private func runJobs() {
        isScheduled = false
        var running = emptyJobs
        emptyJobs = []
        swap(&running, &jobs)
        let executor = asUnownedTaskExecutor()
        isRunning = true
        for job in running { job.runSynchronously(on: executor) }
        isRunning = false
        running.removeAll(keepingCapacity: true)
        emptyJobs = running
    }
}
