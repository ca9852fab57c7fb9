// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The threads on which plugins run once they have suspended, or from the start if they block.
///
/// They are not those of Swift's own pool, because there must be as many as there are processors there, and a plugin that blocks one
/// would take it from everybody. Here a thread is added when work waits and none is idle, up to ``maximumThreads``.
final class PluginThreadPool: Sendable {
    /// For what follows a suspension, and for calls that do not start on the thread that received them.
    static let shared = PluginThreadPool(maximumThreads: sharedSize)

    /// For plugins that block: however many of their calls there are, the others have their threads.
    static let blocking = PluginThreadPool(maximumThreads: sharedSize)

    private static let sharedSize = max(16, 8 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    private struct State {
        var jobs = FIFOQueue<@Sendable () -> Void>()
        var idle = 0
        var threads = 0
    }

    private enum Wake { case signal, spawn, nobody }

    /// How many threads there may be.
    let maximumThreads: Int
    private let state = Mutex(State())
    private let wakeUps: Semaphore

    init(maximumThreads: Int) {
        self.maximumThreads = maximumThreads
        wakeUps = Semaphore()
    }

    /// Runs work on a thread of the pool, in the order in which it came.
    func submit(_ job: @escaping @Sendable () -> Void) {
        let wake = state.withLock { state -> Wake in
            state.jobs.append(job)
            if state.idle > 0 {
                state.idle -= 1
                return .signal
            }
            guard state.threads < maximumThreads else { return .nobody }
            state.threads += 1
            return .spawn
        }
        switch wake {
        case .signal: wakeUps.signal()
        case .spawn: spawn()
        case .nobody: break
        }
    }

    private func spawn() {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<PluginThreadPool>.fromOpaque(argument).takeUnretainedValue().work()
            }, Unmanaged.passRetained(self).toOpaque())
        guard result == 0 else {
            // The kernel has no more threads to give: the ones there are take the work, or, if there are none, this one does.
            Unmanaged.passUnretained(self).release()
            let isOnly = state.withLock { state in
                state.threads -= 1
                return state.threads == 0
            }
            if isOnly { while let job = state.withLock({ $0.jobs.popFirst() }) { job() } }
            return
        }
        pthread_detach(thread)
    }

    private func work() -> Never {
        while true {
            let job = state.withLock { state -> (@Sendable () -> Void)? in
                if let job = state.jobs.popFirst() { return job }
                state.idle += 1
                return nil
            }
            if let job { job() } else { wakeUps.wait() }
        }
    }
}
