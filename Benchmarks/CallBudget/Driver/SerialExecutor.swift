// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Runs a task and all its children on the thread that calls, so that the same work takes the same instructions each time.
final class SerialExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let wakeups = Semaphore()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        wakeups.signal()
    }

    /// Runs an operation to its end.
    func run(_ operation: @escaping @Sendable () async throws -> Void) throws {
        let outcome = Mutex<Result<Void, any Error>?>(nil)
        // Ended when this returns: it waits for the outcome.
        Task(executorPreference: self) {
            let result: Result<Void, any Error>
            do {
                try await operation()
                result = .success(())
            } catch {
                result = .failure(error)
            }
            outcome.withLock { $0 = result }
        }
        while true {
            wakeups.wait()
            let job = jobs.withLock { $0.removeFirst() }
            job.runSynchronously(on: asUnownedTaskExecutor())
            if let result = outcome.withLock({ $0 }) { return try result.get() }
        }
    }
}

/// A POSIX semaphore.
///
/// `@unchecked Sendable`: the pointer never changes, and what it points at is made for many threads.
private final class Semaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0, errno == EINTR {}
    }
}
