// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Makes calls as a plan says, many at a time, and measures each.
package struct LoadGenerator: Sendable {
    /// Makes one call; nil when its answer is as it should be, else what is wrong with it.
    package typealias Call = @Sendable (_ number: Int) async -> String?

    private let plan: LoadPlan
    private let lanes: [LoadLane]
    private let call: Call

    /// Makes a generator.
    ///
    /// - Parameters:
    ///   - plan: How to load.
    ///   - lanes: Where callers run, in turn; at least one.
    ///   - call: Makes one call; cancelled when the run is.
    package init(_ plan: LoadPlan, lanes: [LoadLane] = [.shared], call: @escaping Call) {
        precondition(!lanes.isEmpty && plan.inFlight > 0, "a load needs a lane and a caller")
        self.plan = plan
        self.lanes = lanes
        self.call = call
    }

    /// What all callers of a run share.
    private final class Run: Sendable {
        let schedule: OpenLoopSchedule?
        let measureFrom: ContinuousClock.Instant
        let end: ContinuousClock.Instant
        let nextNumber = Atomic<Int>(0)

        init(_ plan: LoadPlan) {
            let start = ContinuousClock.now
            schedule = plan.rate.map { OpenLoopSchedule(start: start, rate: $0) }
            measureFrom = start + plan.warmup
            end = measureFrom + plan.duration
        }
    }

    private final class Recorder: Sendable {
        let tally = Mutex(LoadTally())
    }

    /// Runs the plan.
    ///
    /// Cancelling the task ends it early, with what was measured until then.
    package func run() async -> LoadMeasurement {
        let run = Run(plan)
        let recorders = lanes.map { _ in Recorder() }
        await withTaskGroup(of: Void.self) { tasks in
            for caller in 0..<plan.inFlight {
                let place = caller % lanes.count
                let (lane, recorder) = (lanes[place], recorders[place])
                tasks.addTask(executorPreference: lane.executor) {
                    if let schedule = run.schedule {
                        await makeScheduledCalls(schedule, run, lane, recorder)
                    } else {
                        await makeCalls(run, recorder)
                    }
                }
            }
        }
        var tally = LoadTally()
        for recorder in recorders { tally.add(recorder.tally.withLock { $0 }) }
        return measurement(run, tally)
    }

    /// The next call begins when the last one has been answered.
    private func makeCalls(_ run: Run, _ recorder: Recorder) async {
        var begin = ContinuousClock.now
        while begin < run.end, !Task.isCancelled {
            let failure = await call(run.nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue)
            let end = ContinuousClock.now
            // A call that was cut short says nothing about the server.
            guard !Task.isCancelled else { return }
            if begin >= run.measureFrom {
                recorder.tally.withLock { $0.record(from: begin, to: end, failure: failure) }
            }
            begin = end
        }
    }

    /// A call begins when the schedule has it, or as soon after that as one of the callers is free.
    private func makeScheduledCalls(
        _ schedule: OpenLoopSchedule, _ run: Run, _ lane: LoadLane, _ recorder: Recorder
    ) async {
        while !Task.isCancelled {
            let number = run.nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue
            let begin = schedule.begin(of: number)
            let now = ContinuousClock.now
            // What cannot even begin before the end is counted as such, not made up for afterwards.
            guard begin < run.end, now < run.end else {
                run.nextNumber.wrappingSubtract(1, ordering: .relaxed)
                return
            }
            if begin > now {
                do { try await lane.wait(begin) } catch { return }
            }
            let failure = await call(number)
            let end = ContinuousClock.now
            guard !Task.isCancelled else { return }
            if begin >= run.measureFrom {
                recorder.tally.withLock { $0.record(from: begin, to: end, failure: failure) }
            }
        }
    }

    private func measurement(_ run: Run, _ tally: LoadTally) -> LoadMeasurement {
        let now = ContinuousClock.now
        let isCut = Task.isCancelled
        let until = isCut ? min(now, run.end) : run.end
        var measurement = LoadMeasurement(plan: plan)
        measurement.latencies = tally.latencies
        measurement.failures = tally.failures
        measurement.elapsed = max(.zero, max(tally.lastEnd ?? until, until) - run.measureFrom)
        measurement.wasInterrupted = isCut
        if let schedule = run.schedule {
            measurement.notBegun = max(0, schedule.count(before: until) - run.nextNumber.load(ordering: .relaxed))
        }
        return measurement
    }
}
