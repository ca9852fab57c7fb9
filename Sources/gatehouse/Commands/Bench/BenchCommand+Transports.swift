// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import Glibc
import NIOCore
import PluginConfiguration
import PluginFramework
import PluginServer
import Values

extension BenchCommand {
    /// `gatehouse bench transports`: all transports side by side, and beside the reference's.
    struct Transports: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Compares all transports, caller and plugin server together, and with ContextForge's own.",
                discussion: """
                    Starts a server of its own for each transport, with a plugin that lets everything pass, and loads it with what \
                    a gateway has: its client with its settings, and callers on as many event loops as there are processors, which \
                    they share with the connections. With --reference, ContextForge's server and client, which have one thread \
                    each, are measured by turns with ours; ratios are medians of the ratios of each round.
                    """)
        }

        @Option(
            help: ArgumentHelp(
                "The interpreter of a Python environment with mcp-contextforge-gateway[grpc]==1.0.0.",
                valueName: "python"
            ))
        var reference: String?

        @Option(help: "A transport to measure; may be given several times (default: all).")
        var only: [BenchTransport] = []

        @Option(help: "How many calls are in flight at a time; may be given several times (default: 1 and 32).")
        var inFlight: [Int] = []

        @Option(
            help:
                "How many threads callers and connections of ours run on (default: one for each processor, as in a gateway)."
        )
        var threads = System.coreCount

        @Option(help: "Rounds of which the median is taken.")
        var rounds = 5

        @Option(help: "How long one measurement takes, in seconds.")
        var seconds = 1.0

        @Option(help: ArgumentHelp("Where to write the figures as JSON.", valueName: "file"))
        var json: String?

        @Option(help: ArgumentHelp("Where to write a chart as SVG.", valueName: "file"))
        var svg: String?

        private static let question = BenchSubject.Question(
            plugin: "NoOp", payload: Document(["name": "search", "args": ["query": "swift"]]), usesPipeline: true)

        func validate() throws {
            guard (1...1_000).contains(rounds) else {
                throw ValidationError("--rounds must be from 1 to 1000, not \(rounds).")
            }
            guard seconds > 0, seconds <= 3_600 else {
                throw ValidationError("--seconds must be above 0 and at most 3600, not \(seconds).")
            }
            guard (1...256).contains(threads) else {
                throw ValidationError("--threads must be from 1 to 256, not \(threads).")
            }
            for count in inFlight where !(1...100_000).contains(count) {
                throw ValidationError("--in-flight must be from 1 to 100000, not \(count).")
            }
            if let reference, access(reference, X_OK) != 0 {
                throw ValidationError(
                    "--reference must name a Python interpreter that can be run; \(reference) cannot.")
            }
        }

        func run() async throws {
            do {
                let folder = try BenchFolder()
                defer { folder.remove() }
                try await compare(in: folder)
            } catch let failure as BenchFailure {
                StandardStream.error.print("\(failure)")
                throw ExitCode(ExitStatus.failure)
            }
        }

        private func compare(in folder: BenchFolder) async throws {
            let reference = try reference.map { try BenchReference(python: $0, in: folder) }
            var comparison = Comparison(contestants: reference == nil ? ["gatehouse"] : ["gatehouse", "reference"])
            for transport in only.isEmpty ? BenchTransport.allCases : only {
                comparison.courses += try await courses(of: transport, reference, in: folder)
            }
            for line in comparison.table.lines { StandardStream.output.print(line) }
            if let json { try write(comparison.json.description + "\n", to: json) }
            if let svg { try write(comparison.chart.svg, to: svg) }
        }

        /// All measurements over one transport, with one server of each kind.
        private func courses(
            of transport: BenchTransport, _ reference: BenchReference?, in folder: BenchFolder
        ) async throws -> [Comparison.Course] {
            let executable = try Self.executable
            let place = try transport.place(in: folder, name: "gatehouse")
            let external = transport.external(at: place, executable: executable)
            guard let place else {
                return try await measure(transport, external, reference: reference.map { ($0, nil) })
            }
            return try await BenchServer.with(transport.server(at: place, executable: executable), at: place) {
                guard let reference, let other = try transport.place(in: folder, name: "reference") else {
                    return try await measure(transport, external, reference: nil)
                }
                let (command, environment) = reference.server(transport, at: other)
                return try await BenchServer.with(command, environment: environment, at: other) {
                    try await measure(transport, external, reference: (reference, other))
                }
            }
        }

        private func measure(
            _ transport: BenchTransport, _ external: ExternalPluginSettings,
            reference: (client: BenchReference, place: BenchPlace?)?
        ) async throws -> [Comparison.Course] {
            var courses: [Comparison.Course] = []
            for count in inFlight.isEmpty ? [1, 32] : inFlight {
                var samples: [[Comparison.Sample]] = reference == nil ? [[]] : [[], []]
                for round in 0..<rounds {
                    StandardStream.error.print(
                        "\(transport.title), \(count) in flight, round \(round + 1) of \(rounds)")
                    samples[0].append(try await sample(transport, external, count))
                    if let reference {
                        samples[1].append(
                            try await reference.client.load(
                                transport, at: reference.place, inFlight: count, seconds: seconds))
                    }
                }
                courses.append(Comparison.Course(name: transport.title, inFlight: count, samples: samples))
            }
            return courses
        }

        private func sample(
            _ transport: BenchTransport, _ external: ExternalPluginSettings, _ count: Int
        ) async throws -> Comparison.Sample {
            var plan = LoadPlan()
            plan.inFlight = count
            plan.duration = .seconds(seconds)
            plan.warmup = .seconds(min(0.2, seconds / 5))
            let measurement = try await BenchLanes.with(threads: threads) { lanes in
                try await BenchSubject.with(external, Self.question, lanes: lanes) { subject in
                    await LoadGenerator(plan, lanes: lanes.lanes) { await subject.call($0) }.run()
                }
            }
            if let (failure, count) = measurement.failures.first {
                throw BenchFailure("\(count) calls over \(transport.title) failed: \(failure)")
            }
            try Task.checkCancellation()
            let latency = measurement.latencies.summary
            return Comparison.Sample(rate: measurement.rate, p50: latency.p50, p99: latency.p99)
        }

        /// The path of this executable.
        private static var executable: String {
            get throws {
                var path = [CChar](repeating: 0, count: Int(PATH_MAX))
                let length = readlink("/proc/self/exe", &path, path.count)
                guard length > 0, length < path.count else {
                    throw BenchFailure("the path of this executable is not known: \(String(cString: strerror(errno)))")
                }
                return String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }

        private func write(_ text: String, to path: String) throws {
            guard let file = fopen(path, "w") else {
                throw BenchFailure("\(path) cannot be written: \(String(cString: strerror(errno)))")
            }
            let isWritten = fputs(text, file) >= 0
            guard fclose(file) == 0, isWritten else {
                throw BenchFailure("\(path) cannot be written: \(String(cString: strerror(errno)))")
            }
        }
    }
}
