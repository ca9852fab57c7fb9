// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginFramework
import Synchronization
import Testing
import TransportProbe
import Values

/// Answers that come late must never reach another caller.
@Suite struct DesynchronisationTests {
    /// In milliseconds: the first one at which a machine answers some calls in time and others not.
    private static let timeLimits = [400, 1_600, 6_400]

    /// How long it goes on: five seconds, or what `GATEHOUSE_DESYNC_SECONDS` says.
    private static let duration: Duration = {
        let text = ProcessInfo.processInfo.environment["GATEHOUSE_DESYNC_SECONDS"]
        return .seconds(text.flatMap { Double($0) } ?? 5)
    }()

    private final class Counts: Sendable, CustomStringConvertible {
        let answered = Atomic(0)
        let late = Atomic(0)
        let cancelled = Atomic(0)
        let other = Mutex<[String: Int]>([:])
        let wrong = Mutex<[String]>([])

        /// Whether all that can happen to a call did.
        var isTelling: Bool {
            answered.load(ordering: .relaxed) > 0 && late.load(ordering: .relaxed) > 0
                && cancelled.load(ordering: .relaxed) > 0
        }

        var description: String {
            "\(answered.load(ordering: .relaxed)) answered, \(late.load(ordering: .relaxed)) too late, "
                + "\(cancelled.load(ordering: .relaxed)) cancelled, \(wrong.withLock { $0.count }) to another caller"
        }
    }

    @Test(arguments: TransportPair.all)
    func everyAnswerBelongsToItsCaller(pair: TransportPair) async throws {
        for timeLimit in Self.timeLimits {
            let counts = try await Self.load(pair, timeLimit)
            #expect(counts.wrong.withLock { $0 } == [], "answers reached another caller")
            #expect(counts.other.withLock { $0 } == [:])
            if ProcessInfo.processInfo.environment["GATEHOUSE_DESYNC_SECONDS"] != nil {
                print("\(pair.name), \(timeLimit) ms: \(counts)")
            }
            if counts.isTelling { return }
        }
        Issue.record("no time limit lets some calls be answered and others not")
    }

    /// Two hundred callers, whose plugin takes up to twice the time limit.
    private static func load(_ pair: TransportPair, _ timeLimit: Int) async throws -> Counts {
        let counts = Counts()
        try await pair.with(ProbePlugin.self) { running in
            let end = ContinuousClock.now + Self.duration
            await withTaskGroup(of: Void.self) { tasks in
                for caller in 0..<200 {
                    tasks.addTask {
                        var number = 0
                        while ContinuousClock.now < end {
                            number += 1
                            await Self.call("\(caller)-\(number)", running.invoker, timeLimit, counts)
                        }
                    }
                }
            }
        }
        return counts
    }

    private static func call(
        _ id: String, _ invoker: any PluginInvoker, _ timeLimit: Int, _ counts: Counts
    ) async {
        let delay = Int64.random(in: 0...(2 * Int64(timeLimit)))
        let call = Task {
            await invoker.invoke(
                .probe(
                    "sleep", ["id": .string(id), "ms": .int(delay)],
                    deadline: .now + .milliseconds(timeLimit)))
        }
        if Int.random(in: 0..<10) == 0 {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 0...timeLimit)))
            call.cancel()
        }
        let answer = await call.value
        switch answer.outcome {
        case .success:
            let received = answer.args?["id"]?.stringValue ?? "nothing"
            if received == id {
                counts.answered.add(1, ordering: .relaxed)
            } else {
                counts.wrong.withLock { $0.append("\(id) got the answer of \(received)") }
            }
        case .failure(let error) where error.code == PluginError.Code.timeout:
            counts.late.add(1, ordering: .relaxed)
        case .failure(let error) where error.code == PluginError.Code.cancelled:
            counts.cancelled.add(1, ordering: .relaxed)
        case .failure(let error):
            counts.other.withLock { $0[error.message, default: 0] += 1 }
        }
    }
}
