// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import PluginFramework
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

        @Option(help: "How many connections are kept to the server, where there can be several.")
        var connections = 1

        @OptionGroup var load: BenchLoadOptions

        func validate() throws {
            _ = try subject.place
            guard (1...1_000).contains(connections) else {
                throw ValidationError("--connections must be from 1 to 1000, not \(connections).")
            }
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
            let measurement = try await load.measure { lanes, run in
                switch try subject.place {
                case .external(let external):
                    try await BenchSubject.with(external, question, connections: connections, lanes: lanes) { subject in
                        await run { await subject.call($0) }
                    }
                case .configured(let path):
                    try await measure(question, configuredIn: path, run)
                }
            }
            try load.report(measurement, what: "plugin     \(subject.plugin ?? "(all)") at \(subject.hook)")
        }

        private func measure(
            _ question: BenchSubject.Question, configuredIn path: String, _ run: BenchLoadOptions.Run
        ) async throws -> LoadMeasurement {
            var options = PluginsCommand.Options()
            (options.config, options.logLevel, options.json) = (path, "error", false)
            return try await options.withPlugins { plugins in
                let subject: BenchSubject
                if self.subject.plugin == nil {
                    subject = try await BenchSubject(plugins.pipeline, question)
                } else {
                    let names = plugins.entries.map(\.name)
                    guard let entry = plugins.entries.first(where: { $0.name.hasSameBytes(as: question.plugin) }) else {
                        let advice = question.plugin.closestMatch(among: names).map { " Did you mean \"\($0)\"?" } ?? ""
                        throw BenchFailure("No plugin named \"\(question.plugin)\" is configured in \(path).\(advice)")
                    }
                    subject = try await BenchSubject(entry, invoker: plugins.invoker(of: entry.name), question)
                }
                return await run { await subject.call($0) }
            }
        }
    }
}
