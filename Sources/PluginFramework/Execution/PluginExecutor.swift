// SPDX-License-Identifier: Apache-2.0

import CPluginTrace
import Synchronization

/// Runs the pieces of one plugin's calls, and keeps note of which thread is running it.
///
/// The first piece may run on the thread that received the call, so that a plugin which does not suspend never leaves it. All others
/// run on plugin threads, at most half of a pool's at a time: the other half is for other plugins.
final class PluginExecutor: TaskExecutor {
    private struct Lane {
        var running = 0
        var waiting = FIFOQueue<UnownedJob>()
    }

    // Interned: never changed and never freed.
    nonisolated(unsafe) private let name: UnsafePointer<CChar>
    private let mayBlock: Bool
    private let pool: PluginThreadPool
    private let lane = Mutex(Lane())

    init(pluginName: String, mayBlock: Bool, pool: PluginThreadPool? = nil) {
        name = plugin_trace_intern(pluginName)
        self.mayBlock = mayBlock
        self.pool = pool ?? (mayBlock ? .blocking : .shared)
    }

    /// Starts a task on this executor.
    ///
    /// - Parameter inline: Whether the first piece runs on this thread, before this returns. A plugin that blocks never does.
    func start(inline: Bool = true, _ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        guard inline, !mayBlock else { return Task(executorPreference: self, operation: operation) }
        let slot = plugin_trace_current()
        plugin_trace_set_inline(slot, 1)
        let task = Task(executorPreference: self, operation: operation)
        plugin_trace_set_inline(slot, 0)
        return task
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if plugin_trace_take_inline(plugin_trace_current()) != 0 {
            run(job)
            return
        }
        let hasThread = lane.withLock { lane in
            guard lane.running < max(1, pool.maximumThreads / 2) else {
                lane.waiting.append(job)
                return false
            }
            lane.running += 1
            return true
        }
        if hasThread { submit(job) }
    }

    private func submit(_ job: UnownedJob) {
        pool.submit {
            self.run(job)
            let next = self.lane.withLock { lane in
                let next = lane.waiting.popFirst()
                if next == nil { lane.running -= 1 }
                return next
            }
            // Through the pool again: the threads are shared job by job.
            if let next { self.submit(next) }
        }
    }

    private func run(_ job: UnownedJob) {
        let slot = plugin_trace_current()
        let before = plugin_trace_enter(slot, name, mayBlock ? 1 : 0)
        job.runSynchronously(on: asUnownedTaskExecutor())
        plugin_trace_leave(slot, before)
    }
}
