// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginServer
import TransportSecurity
import Values

extension CertsCommand {
    /// `gatehouse certs check`.
    struct Check: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Shows when each certificate expires, and what is wrong with it.",
                discussion:
                    "Ends with 1 if anything is wrong: expired, not the key's, not the authority's, a key that others may read."
            )
        }

        @OptionGroup var place: Place

        @Flag(help: "Print JSON instead of text.")
        var json = false

        /// From here on the text says so.
        private static let soon = 30

        func run() async throws {
            let findings = try CertsCommand.telling { try place.folder.check() }
            StandardStream.output.print(
                json
                    ? Value.array(findings.map(Self.value)).description
                    : findings.map(Self.text).joined(separator: "\n"))
            if findings.contains(where: { !$0.problems.isEmpty }) { throw ExitCode(ExitStatus.failure) }
        }

        private static func text(_ finding: CertificateFolder.Finding) -> String {
            var line = finding.file
            if let notAfter = finding.notAfter, let days = finding.daysLeft() {
                line += days < 0 ? ": expired \(notAfter)" : ": expires \(notAfter), in \(days) days"
                if (0..<soon).contains(days) { line += ", soon: run gatehouse certs renew" }
            }
            if let subject = finding.subject { line += " (\(subject))" }
            if !finding.names.isEmpty { line += "\n  for \(finding.names.joined(separator: ", "))" }
            for problem in finding.problems { line += "\n  wrong: \(problem)" }
            return line
        }

        private static func value(_ finding: CertificateFolder.Finding) -> Value {
            [
                "file": .string(finding.file), "subject": finding.subject.map(Value.string) ?? .null,
                "names": .array(finding.names.map(Value.string)),
                "expires": finding.notAfter.map { .string("\($0)") } ?? .null,
                "days": finding.daysLeft().map { .int(Int64($0)) } ?? .null,
                "problems": .array(finding.problems.map(Value.string)),
            ]
        }
    }

    /// `gatehouse certs renew`.
    struct Renew: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Renews the certificates that expire soon, and keeps copies of the former ones.",
                discussion: """
                    A renewed certificate has the names of the former and a new key. The authority keeps its key, so that what it has \
                    issued stays good.
                    """)
        }

        @OptionGroup var place: Place

        @Option(help: "Renew what has fewer days left than this.")
        var within = 30

        @Option(help: "How many days renewed certificates are valid.")
        var days = CertificateFolder.days

        func validate() throws {
            guard (1...36_500).contains(days) else { throw ValidationError("--days is from 1 to 36500.") }
            guard (0...100_000).contains(within) else { throw ValidationError("--within is from 0 to 100000.") }
        }

        func run() async throws {
            let outcomes = try CertsCommand.telling { try place.folder.renew(days: days, within: within) }
            for outcome in outcomes {
                StandardStream.output.print("\(outcome.file): \(outcome.isMade ? "renewed" : "not due, left as it is")")
            }
        }
    }
}
