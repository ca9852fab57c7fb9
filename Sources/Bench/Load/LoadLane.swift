// SPDX-License-Identifier: Apache-2.0

/// Where callers run, and how they wait there.
package struct LoadLane: Sendable {
    /// What runs the callers; nil for Swift's pool.
    package var executor: (any TaskExecutor)?
    /// Waits for a moment; throws when the task is cancelled.
    package var wait: @Sendable (ContinuousClock.Instant) async throws -> Void

    /// Makes a lane.
    package init(
        executor: (any TaskExecutor)?, wait: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void
    ) {
        self.executor = executor
        self.wait = wait
    }

    /// Swift's pool and its clock.
    package static let shared = LoadLane(executor: nil) { instant in
        try await Task.sleep(until: instant, clock: .continuous)
    }
}
