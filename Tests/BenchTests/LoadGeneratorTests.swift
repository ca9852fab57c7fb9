// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Sockets
import Synchronization
import Testing
import Values

@testable import Bench

@Suite struct LoadGeneratorTests {
    private func plan(inFlight: Int, duration: Duration = .milliseconds(200), rate: Double? = nil) -> LoadPlan {
        var plan = LoadPlan()
        plan.inFlight = inFlight
        plan.duration = duration
        plan.warmup = .zero
        plan.rate = rate
        return plan
    }

    /// Counts calls, and how many of them are open at a time.
    private final class Calls: Sendable {
        private let state = Mutex((open: 0, mostOpen: 0, numbers: Set<Int>()))

        func begin(_ number: Int) {
            state.withLock { state in
                state.open += 1
                state.mostOpen = max(state.mostOpen, state.open)
                state.numbers.insert(number)
            }
        }

        func end() { state.withLock { $0.open -= 1 } }

        var mostOpen: Int { state.withLock { $0.mostOpen } }
        var numbers: Set<Int> { state.withLock { $0.numbers } }
    }

    /// NIO's threads: other tests must not keep callers from running in their time.
    private static let loop = MultiThreadedEventLoopGroup.singleton.next()
    private static let lane = LoadLane(executor: EventLoopTaskExecutor.of(loop)) { instant in
        let left = max(.zero, instant - .now)
        try await loop.scheduleTask(in: TimeAmount(left)) {}.futureResult.get()
    }

    private func generator(_ plan: LoadPlan, _ call: @escaping LoadGenerator.Call) -> LoadGenerator {
        LoadGenerator(plan, lanes: [Self.lane], call: call)
    }

    private func pause(_ duration: Duration) async {
        try? await Self.lane.wait(.now + duration)
    }

    @Test func asManyCallsAreInFlightAsThePlanSays() async {
        let calls = Calls()
        let measurement = await generator(plan(inFlight: 7)) { number in
            calls.begin(number)
            await pause(.milliseconds(5))
            calls.end()
            return nil
        }.run()
        #expect(calls.mostOpen == 7)
        #expect(measurement.calls == calls.numbers.count)
        #expect(calls.numbers == Set(0..<calls.numbers.count))
        #expect(measurement.failureCount == 0)
        #expect(measurement.latencies.percentile(1) >= .milliseconds(4))
        #expect(measurement.notBegun == 0)
        #expect(!measurement.wasInterrupted)
    }

    @Test func failuresAreCountedByWhatIsWrongAndHaveNoTimes() async {
        let measurement = await generator(plan(inFlight: 1, duration: .milliseconds(300))) { number in
            await pause(.milliseconds(1))
            return number.isMultiple(of: 2) ? "even" : nil
        }.run()
        let failures = measurement.failures["even", default: 0]
        #expect(measurement.failures.count == 1)
        #expect(failures > 0)
        #expect(abs(failures - measurement.calls) <= 1)
        #expect(measurement.lines.contains { $0.hasPrefix("failed") && $0.hasSuffix("even") })
    }

    @Test func kindsOfFailureAreLimited() {
        var tally = LoadTally()
        let now = ContinuousClock.now
        for number in 0..<100 { tally.record(from: now, to: now, failure: "kind \(number)") }
        #expect(tally.failures.count == LoadTally.maximumKinds + 1)
        #expect(tally.failures[LoadTally.otherKinds] == 100 - LoadTally.maximumKinds)
    }

    @Test func callsOfTheWarmUpAreNotCounted() async {
        var plan = plan(inFlight: 1, duration: .milliseconds(300))
        plan.warmup = .milliseconds(50)
        let calls = Calls()
        let measurement = await generator(plan) { number in
            calls.begin(number)
            await pause(.milliseconds(2))
            return nil
        }.run()
        #expect(measurement.calls > 0)
        #expect(calls.numbers.count > measurement.calls)
    }

    /// What coordinated omission hides: while the server stalls, calls that were due are late by as much.
    @Test func callsThatWereDueDuringAStallCountAsSlow() async {
        let stall = Duration.milliseconds(300)
        let measurement = await generator(plan(inFlight: 1, duration: .milliseconds(600), rate: 100)) { number in
            if number == 10 { await pause(stall) }
            return nil
        }.run()
        // Without the correction only the call that stalled itself would be slow: 1 of about 60.
        let late = measurement.latencies.percentile(80)
        #expect(late > .milliseconds(50), "p80 is \(late.shortText)")
        #expect(measurement.calls + measurement.notBegun >= 58)
    }

    @Test func aScheduleThatIsTooFastSaysSo() async {
        let measurement = await generator(plan(inFlight: 1, rate: 1_000)) { _ in
            await pause(.milliseconds(20))
            return nil
        }.run()
        #expect(measurement.calls > 0)
        #expect(measurement.notBegun > 100)
        #expect(measurement.lines.contains { $0.hasPrefix("not begun") })
        #expect(measurement.json["not_begun"]?.intValue == Int64(measurement.notBegun))
    }

    @Test func cancellingGivesWhatWasMeasuredUntilThen() async {
        let calls = Calls()
        let load = generator(plan(inFlight: 2, duration: .seconds(3_000))) { number in
            calls.begin(number)
            await pause(.milliseconds(1))
            return nil
        }
        let run = Task { await load.run() }
        while calls.numbers.count < 20 { await Task.yield() }
        run.cancel()
        let measurement = await run.value
        #expect(measurement.wasInterrupted)
        #expect(measurement.calls > 0)
        #expect(measurement.elapsed < .seconds(1_000))
        #expect(measurement.rate > 0)
    }

    @Test func aScheduleDoesNotAddUpRoundingErrors() {
        let start = ContinuousClock.now
        let schedule = OpenLoopSchedule(start: start, rate: 3)
        #expect(schedule.begin(of: 0) == start)
        #expect(schedule.begin(of: 3_000_000) == start + .seconds(1_000_000))
        #expect(schedule.count(before: start) == 0)
        #expect(schedule.count(before: start + .seconds(1)) == 3)
        #expect(schedule.count(before: start + .milliseconds(1_001)) == 4)
    }
}
