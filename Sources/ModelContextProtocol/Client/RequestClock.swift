// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Ends a request at its deadline, which may be put off while it runs; for links that read answers elsewhere than in the request's task.
final class RequestClock: Sendable {
    private let request: ClientRequest
    private let eventLoop: any EventLoop
    private let server: String
    private let timer = Mutex<Scheduled<Void>?>(nil)

    /// Makes a clock that stands still.
    init(_ request: ClientRequest, on eventLoop: any EventLoop, server: String) {
        self.request = request
        self.eventLoop = eventLoop
        self.server = server
    }

    func start() {
        schedule(at: request.deadline)
    }

    private func schedule(at deadline: NIODeadline) {
        // A stream of notifications lasts as long as it does.
        guard deadline < .distantFuture else { return }
        let scheduled = eventLoop.scheduleTask(deadline: deadline) { self.fire() }
        timer.withLock { $0 = scheduled }
    }

    private func fire() {
        let deadline = request.deadline
        guard deadline <= .now() else { return schedule(at: deadline) }
        request.outcome.give(
            .failure(.timeout("\(server) has not answered in time; see whether it is busy, or raise its time limit")))
    }

    func stop() {
        timer.withLock { $0.take() }?.cancel()
    }
}
