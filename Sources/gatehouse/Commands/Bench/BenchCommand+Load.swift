// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import PluginConfiguration
import PluginFramework
import PluginServer
import UnixSignals
import Values

extension BenchCommand {
    /// `gatehouse bench [load]`: one plugin of one server.
    struct Load: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Calls one plugin of any ContextForge-compatible plugin server, and measures each call.",
                discussion: """
                    Each call takes what a gateway's call takes: the same client, the payload encoded anew, the answer decoded. \
                    Without --rate the next call begins when one has been answered, so --in-flight calls are always on their way; \
                    with it calls begin by a schedule, and their times count from the scheduled moment. Ctrl-C prints what was \
                    measured until then. Ends with 1 when calls failed.
                    """)
        }

        @OptionGroup var subject: BenchTargetOptions

        @Option(help: "How many calls are in flight at a time.")
        var inFlight = 32

        @Option(help: "How many connections are kept to a gRPC server.")
        var connections = 1

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
            _ = try subject.place
            for (name, value, limit) in [
                ("--in-flight", inFlight, 100_000), ("--connections", connections, 1_000), ("--threads", threads, 256),
            ] where !(1...limit).contains(value) {
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

        private var plan: LoadPlan {
            var plan = LoadPlan()
            plan.inFlight = inFlight
            plan.duration = .seconds(duration)
            plan.warmup = .seconds(warmup)
            plan.rate = rate
            return plan
        }

        func run() async throws {
            let payload: Value
            let json = try subject.jsonBytes()
            do throws(ValueError) {
                payload = try JSONParser.decode(json)
            } catch {
                throw ValidationError("The payload is no JSON: \(error)")
            }
            let question = BenchSubject.Question(
                plugin: subject.plugin ?? "", hook: HookName(rawValue: subject.hook), payload: Document(payload),
                usesPipeline: subject.pipeline)
            let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
            let measurement: LoadMeasurement
            do {
                measurement = try await measure(question, until: signals)
            } catch let failure as BenchFailure {
                StandardStream.error.print("\(failure)")
                throw ExitCode(ExitStatus.failure)
            }
            report(measurement)
            if measurement.failureCount > 0 { throw ExitCode(ExitStatus.failure) }
        }

        private func measure(
            _ question: BenchSubject.Question, until signals: UnixSignalsSequence
        ) async throws -> LoadMeasurement {
            let place = try subject.place
            return try await BenchLanes.with(threads: threads) { lanes in
                let load = { (subject: BenchSubject) async -> LoadMeasurement in
                    await Self.run(LoadGenerator(plan, lanes: lanes.lanes) { await subject.call($0) }, until: signals)
                }
                switch place {
                case .external(let external):
                    return try await BenchSubject.with(
                        external, question, connections: connections, lanes: lanes, load)
                case .configured(let path):
                    var options = PluginsCommand.Options()
                    (options.config, options.logLevel, options.json) = (path, "error", false)
                    return try await options.withPlugins { plugins in
                        guard subject.plugin != nil else {
                            return await load(try await BenchSubject(plugins.pipeline, question))
                        }
                        let names = plugins.entries.map(\.name)
                        guard let entry = plugins.entries.first(where: { $0.name.hasSameBytes(as: question.plugin) })
                        else {
                            let advice = question.plugin.closestMatch(among: names).map { " Did you mean \"\($0)\"?" }
                            throw BenchFailure(
                                "No plugin named \"\(question.plugin)\" is configured in \(path).\(advice ?? "")")
                        }
                        return await load(
                            try await BenchSubject(entry, invoker: plugins.invoker(of: entry.name), question))
                    }
                }
            }
        }

        /// Runs to the end, or to the first signal.
        private static func run(_ generator: LoadGenerator, until signals: UnixSignalsSequence) async -> LoadMeasurement
        {
            await withTaskGroup(of: Void.self) { tasks in
                let load = Task { await generator.run() }
                // Ended below: the load is awaited, and the watch ends with it.
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

        private func report(_ measurement: LoadMeasurement) {
            if json {
                StandardStream.output.print(measurement.json.description)
                return
            }
            let mode = rate.map { "scheduled at \($0.rounded(digits: 0)) calls/s, at most " } ?? ""
            StandardStream.output.print(
                "plugin     \(subject.plugin ?? "(all)") at \(subject.hook), \(mode)\(inFlight) in flight")
            for line in measurement.lines { StandardStream.output.print(line) }
        }
    }
}
