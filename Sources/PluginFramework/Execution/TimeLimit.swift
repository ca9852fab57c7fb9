// SPDX-License-Identifier: Apache-2.0

/// Work that was not done within its time.
struct TimeLimitExceeded: Error, Sendable, CustomStringConvertible {
    let limit: Duration
    var description: String { "it took longer than \(limit.secondsDescription)" }
}

/// Runs work of a plugin, and gives up waiting for it at the limit: the work is cancelled, but nobody can make it end.
func withTimeLimit(
    _ limit: Duration, on executor: PluginExecutor, deadlines: DeadlineQueue,
    _ work: @escaping @Sendable () async throws -> Void
) async throws {
    let call = AbandonableCall<Result<Void, any Error>>()
    let task = executor.start(inline: false) {
        do {
            try await work()
            _ = call.finish(.success(()))
        } catch {
            _ = call.finish(.failure(error))
        }
    }
    call.attach(task)
    let ticket = deadlines.add(.now + limit) {
        call.abandon(with: .failure(TimeLimitExceeded(limit: limit)))
    }
    defer { deadlines.remove(ticket) }
    try await call.answer().get()
}

extension Duration {
    /// The duration for people: "30 s", "0.25 s".
    package var secondsDescription: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        guard milliseconds % 1000 != 0 else { return "\(milliseconds / 1000) s" }
        return "\(Double(milliseconds) / 1000) s"
    }
}
