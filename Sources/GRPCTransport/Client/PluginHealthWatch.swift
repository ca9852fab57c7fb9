// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Asks a plugin's server from time to time how the plugin is, and remembers the answer.
///
/// What it says is for health and logs; calls are made all the same, because the plugin's mode decides what their failure means.
final class PluginHealthWatch: Sendable {
    private struct State {
        var isServing = true
        var task: Task<Void, Never>?
        var isStopped = false
    }

    private let state = Mutex(State())
    private let interval: Duration
    private let logger: Logger

    /// Makes a watch that does not run yet.
    ///
    /// - Parameter logger: names the plugin.
    init(every interval: Duration, logger: Logger) {
        self.interval = interval
        self.logger = logger
    }

    deinit {
        state.withLock { $0.task?.cancel() }
    }

    /// What the server said last; true until it was asked.
    var isServing: Bool { state.withLock { $0.isServing } }

    /// Begins to ask; does nothing the second time, and after the end.
    ///
    /// - Parameter ask: whether the plugin can be called; nil when that is not to be asked now.
    func start(_ ask: @escaping @Sendable () async -> Bool?) {
        state.withLock { state in
            guard state.task == nil, !state.isStopped else { return }
            state.task = Task { [weak self, interval] in
                while true {
                    do { try await Task.sleep(for: interval) } catch { return }
                    if let isServing = await ask(), !Task.isCancelled { self?.note(isServing) }
                }
            }
        }
    }

    func stop() {
        let task = state.withLock { state in
            state.isStopped = true
            return state.task.take()
        }
        task?.cancel()
    }

    private func note(_ isServing: Bool) {
        let isNew = state.withLock { state in
            defer { state.isServing = isServing }
            return state.isServing != isServing
        }
        guard isNew else { return }
        if isServing {
            logger.info("External plugin serves again")
        } else {
            logger.warning("External plugin does not serve, says its server")
        }
    }
}
