// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A thread that keeps time for the plugins: deadlines, and the watch for stalled threads.
///
/// It must not be one of Swift's: when plugins hold all of those, nobody else would notice, and nothing would ever time out.
final class TimerThread: Sendable {
    /// The thread of the process; started by the first who needs it.
    static let shared = TimerThread()

    private struct Beat {
        var due: ContinuousClock.Instant
        let interval: Duration
        let body: @Sendable () -> Bool
    }

    private let beats = Mutex<[Beat]>([])
    private let wakeUp = Semaphore()

    private init() {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<TimerThread>.fromOpaque(argument).takeUnretainedValue().run()
            }, Unmanaged.passRetained(self).toOpaque())
        // Without it nothing would time out: a process that cannot have one more thread at start cannot serve.
        precondition(result == 0, "the system has no thread left for deadlines (error \(result)); raise its limit")
        pthread_detach(thread)
    }

    /// Calls `body` on this thread at each interval until it returns false.
    ///
    /// It must be quick and must not wait.
    func schedule(every interval: Duration, _ body: @escaping @Sendable () -> Bool) {
        beats.withLock { $0.append(Beat(due: .now + interval, interval: interval, body: body)) }
        wakeUp.signal()
    }

    private func run() -> Never {
        while true {
            if let next = beats.withLock({ $0.map(\.due).min() }) {
                let now = ContinuousClock.now
                if next > now { wakeUp.wait(atMost: next - now) }
            } else {
                wakeUp.wait()
            }
            runDue(at: .now)
        }
    }

    private func runDue(at now: ContinuousClock.Instant) {
        // Taken out while they run: they may schedule others.
        let due = beats.withLock { beats in
            let due = beats.filter { $0.due <= now }
            beats.removeAll { $0.due <= now }
            return due
        }
        let going = due.filter { $0.body() }.map { beat in
            var beat = beat
            beat.due = now + beat.interval
            return beat
        }
        guard !going.isEmpty else { return }
        beats.withLock { $0 += going }
    }
}
