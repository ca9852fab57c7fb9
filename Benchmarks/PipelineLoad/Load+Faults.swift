// SPDX-License-Identifier: Apache-2.0

import Glibc
import PluginFramework
import Sockets
import Synchronization
import Values

/// Loads under which servers are stopped, and callers leave.
extension Load {
    /// What became of calls that are each other's opposite.
    private struct Counts {
        var answered = 0
        /// Answers that were another call's.
        var wrong = 0
        /// Calls that went on without having been changed.
        var letThrough = 0
        var failures: [String: Int] = [:]
        var longest = Duration.zero

        mutating func add(_ other: Counts) {
            answered += other.answered
            wrong += other.wrong
            letThrough += other.letThrough
            failures.merge(other.failures, uniquingKeysWith: +)
            longest = max(longest, other.longest)
        }

        mutating func take(_ outcome: PipelineOutcome, of name: String, after time: Duration) {
            longest = max(longest, time)
            switch outcome.verdict {
            case .blocked(let block):
                failures[block.error?.code ?? "violation", default: 0] += 1
            case .allowed(nil):
                letThrough += 1
            case .allowed(let change?):
                answered += 1
                if change["name"] != .string(name + "-changed") { wrong += 1 }
            }
        }

        var object: ValueObject {
            let failures = failures.sorted { $0.key < $1.key }.map { ($0.key, Value.int(Int64($0.value))) }
            return [
                "answered": .int(Int64(answered)), "wrong": .int(Int64(wrong)), "let_through": .int(Int64(letThrough)),
                "failures": .object(ValueObject(failures)),
                "longest_call_ms": .double((longest.seconds * 1_000).rounded()),
            ]
        }
    }

    /// What callers tell each other.
    private final class Shared: Sendable {
        let isFailing = Atomic<Bool>(false)
        let cancelled = Atomic<Int>(0)
        let next = Atomic<Int>(0)
    }

    private static func payload(_ name: String) -> Document {
        Document(["name": .string(name), "args": ["query": "swift"]])
    }

    private static func note(_ event: String) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let seconds = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        print(Value.object(["event": .string(event), "at": .double(seconds)]))
        fflush(nil)
    }

    /// Each call has a name of its own, and tells when calls begin to fail and to be answered again.
    func withFaults() async -> ValueObject {
        let end = ContinuousClock.now + duration
        let shared = Shared()
        Self.note("answering")
        let counts = await withTaskGroup(of: Counts.self) { tasks in
            for worker in 0..<inFlight {
                tasks.addTask(executorPreference: executors[worker % executors.count]) {
                    var counts = Counts()
                    var number = 0
                    while ContinuousClock.now < end {
                        number += 1
                        let name = "\(worker)-\(number)"
                        let start = ContinuousClock.now
                        let outcome = await call(Self.payload(name), id: name)
                        counts.take(outcome, of: name, after: ContinuousClock.now - start)
                        let hasFailed = outcome.block != nil
                        if shared.isFailing.exchange(hasFailed, ordering: .relaxed) != hasFailed {
                            Self.note(hasFailed ? "failing" : "answering")
                        }
                        // Whoever was refused comes again a little later.
                        if hasFailed { try? await Task.sleep(for: .milliseconds(5)) }
                    }
                    return counts
                }
            }
            return await tasks.reduce(into: Counts()) { $0.add($1) }
        }
        return counts.object
    }

    /// Half of the calls, chosen by chance, are cancelled at random moments.
    func storm(of number: Int) async -> ValueObject {
        let shared = Shared()
        let start = ContinuousClock.now
        let counts = await withTaskGroup(of: Counts.self) { tasks in
            for worker in 0..<inFlight {
                tasks.addTask(executorPreference: executors[worker % executors.count]) {
                    var counts = Counts()
                    while true {
                        let index = shared.next.wrappingAdd(1, ordering: .relaxed).oldValue
                        guard index < number else { return counts }
                        let name = "call-\(index)"
                        guard index.isMultiple(of: 2) else {
                            let outcome = await call(Self.payload(name), id: name)
                            counts.take(outcome, of: name, after: .zero)
                            continue
                        }
                        let doomed = Task(executorPreference: executors[worker % executors.count]) {
                            await call(Self.payload(name), id: name)
                        }
                        try? await Task.sleep(for: .microseconds(Int64.random(in: 0..<2_000)))
                        doomed.cancel()
                        let outcome = await doomed.value
                        // It may have been answered before.
                        if outcome.block?.error?.code == "CANCELLED" {
                            shared.cancelled.wrappingAdd(1, ordering: .relaxed)
                        } else {
                            counts.take(outcome, of: name, after: .zero)
                        }
                    }
                }
            }
            return await tasks.reduce(into: Counts()) { $0.add($1) }
        }
        var object = counts.object
        object["cancelled"] = .int(Int64(shared.cancelled.load(ordering: .relaxed)))
        object["seconds"] = .double((ContinuousClock.now - start).seconds)
        return object
    }
}
