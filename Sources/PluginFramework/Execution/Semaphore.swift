// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A counting semaphore of the system's: what threads of our own wait on.
final class Semaphore: Sendable {
    // The system's semaphore must not move, and all its operations are atomic.
    nonisolated(unsafe) private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() { while sem_wait(semaphore) != 0 {} }

    /// Waits until it is signalled, or until about this long has passed; longer if the clock is set back meanwhile, up to a second.
    func wait(atMost limit: Duration) {
        var end = timespec()
        // The only clock that sem_timedwait knows; should somebody set it, waiting in short pieces bounds the harm.
        let limit = min(limit, .seconds(1))
        clock_gettime(CLOCK_REALTIME, &end)
        let nanoseconds = end.tv_nsec + Int(limit.components.attoseconds / 1_000_000_000)
        end.tv_sec += Int(limit.components.seconds) + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        while sem_timedwait(semaphore, &end) != 0, errno == EINTR {}
    }
}
