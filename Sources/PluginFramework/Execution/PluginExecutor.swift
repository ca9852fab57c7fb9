// SPDX-License-Identifier: Apache-2.0

import CPluginTrace

/// Runs the pieces of one plugin's calls, and keeps note of which thread is running it.
///
/// The first piece runs on the thread that received the call (unless the plugin blocks), so that a plugin which does not suspend
/// never leaves it. The pieces after a suspension run on the plugin threads.
final class PluginExecutor: TaskExecutor {
    // Interned: never changed and never freed.
    nonisolated(unsafe) private let name: UnsafePointer<CChar>
    private let mayBlock: Bool
    private let pool: PluginThreadPool

    init(pluginName: String, mayBlock: Bool, pool: PluginThreadPool = .shared) {
        name = plugin_trace_intern(pluginName)
        self.mayBlock = mayBlock
        self.pool = pool
    }

    /// Starts a task on this executor; the first piece has run when this returns, unless the plugin blocks.
    func start(_ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        guard !mayBlock else { return Task(executorPreference: self, operation: operation) }
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
        } else {
            pool.submit { self.run(job) }
        }
    }

    private func run(_ job: UnownedJob) {
        let slot = plugin_trace_current()
        let before = plugin_trace_enter(slot, name, mayBlock ? 1 : 0)
        job.runSynchronously(on: asUnownedTaskExecutor())
        plugin_trace_leave(slot, before)
    }
}
