// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import PluginConfiguration
import PluginServer
import UnixSignals
import Values

/// How a load is made and shown, whatever it calls.
struct BenchLoadOptions: ParsableArguments {
    @Option(help: "How many calls are in flight at a time.")
    var inFlight = 32

    @Option(help: "How many threads callers and connections run on.")
    var threads = 1

    @Option(help: "For how many seconds calls are measured.")
    var duration = 10.0

    @Option(help: "For how many seconds calls are made before that.")
    var warmup = 1.0

    @Option(help: "How many calls a second begin, whether or not answers keep up.")
    var rate: Double?

    @Flag(help: "Print the figures as JSON.")
    var json = false

    func validate() throws {
        for (name, value, limit) in [("--in-flight", inFlight, 100_000), ("--threads", threads, 256)]
        where !(1...limit).contains(value) {
            throw ValidationError("\(name) must be from 1 to \(limit), not \(value).")
        }
        guard duration > 0, duration <= 86_400 else {
            throw ValidationError("--duration must be above 0 and at most 86400 seconds, not \(duration).")
        }
        guard warmup >= 0, warmup <= 3_600 else {
            throw ValidationError("--warmup must be from 0 to 3600 seconds, not \(warmup).")
        }
        if let rate, !(rate > 0 && rate <= 10_000_000) {
            throw ValidationError("--rate must be above 0 and at most 10000000 calls a second, not \(rate).")
        }
    }

    /// Makes the calls that it is given, until the plan or a signal ends it.
    typealias Run = (@escaping LoadGenerator.Call) async -> LoadMeasurement

    /// Starts the threads of a load, and does with them what `body` says.
    ///
    /// - Throws: `ExitCode` when nothing could be measured; why was printed.
    func measure(_ body: (BenchLanes, Run) async throws -> LoadMeasurement) async throws -> LoadMeasurement {
        var plan = LoadPlan()
        plan.inFlight = inFlight
        plan.duration = .seconds(duration)
        plan.warmup = .seconds(warmup)
        plan.rate = rate
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        do {
            return try await BenchLanes.with(threads: threads) { lanes in
                try await body(lanes) { call in
                    await Self.run(LoadGenerator(plan, lanes: lanes.lanes, call: call), until: signals)
                }
            }
        } catch let failure as BenchFailure {
            StandardStream.error.print("\(failure)")
            throw ExitCode(ExitStatus.failure)
        }
    }

    /// Runs to the end, or to the first signal.
    private static func run(_ generator: LoadGenerator, until signals: UnixSignalsSequence) async -> LoadMeasurement {
        await withTaskGroup(of: Void.self) { tasks in
            // Awaited below; the watch ends with it.
            let load = Task { await generator.run() }
            tasks.addTask {
                for await _ in signals {
                    load.cancel()
                    return
                }
            }
            let measurement = await load.value
            tasks.cancelAll()
            return measurement
        }
    }

    /// Prints the figures.
    ///
    /// - Throws: `ExitCode` when calls failed.
    func report(_ measurement: LoadMeasurement, what: String) throws {
        if json {
            StandardStream.output.print(measurement.json.description)
        } else {
            let mode = rate.map { "scheduled at \($0.rounded(digits: 0)) calls/s, at most " } ?? ""
            StandardStream.output.print("\(what), \(mode)\(inFlight) in flight")
            for line in measurement.lines { StandardStream.output.print(line) }
        }
        if measurement.failureCount > 0 { throw ExitCode(ExitStatus.failure) }
    }
}
