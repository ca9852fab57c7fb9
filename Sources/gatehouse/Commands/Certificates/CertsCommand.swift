// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginServer
import TransportSecurity

/// `gatehouse certs`: certificates for gateways and plugin servers, in the files that ContextForge's documents name.
struct CertsCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "certs",
            abstract: "Makes, checks and renews the certificates of mutual TLS between gateways and plugin servers.",
            discussion: """
                What is there is never written over without --force, which keeps a copy. Keys have the mode 0600. Servers that run \
                take renewed certificates by themselves.
                """,
            subcommands: [Authority.self, Gateway.self, Plugin.self, All.self, Check.self, Renew.self])
    }

    /// Where certificates lie.
    struct Place: ParsableArguments {
        @Option(help: "The folder of all certificates.")
        var dir = "certs/mcp"

        var folder: CertificateFolder { CertificateFolder(dir) }
    }

    /// How certificates are made.
    struct Making: ParsableArguments {
        @Option(help: "How many days certificates are valid.")
        var days = CertificateFolder.days

        @Option(help: ArgumentHelp("Make RSA keys with this many bits, instead of keys of P-256.", valueName: "bits"))
        var rsa: Int?

        @Flag(help: "Replace what is there, and keep a copy of it.")
        var force = false

        func validate() throws {
            guard (1...36_500).contains(days) else { throw ValidationError("--days is from 1 to 36500.") }
            if let rsa, !CertificateKeyKind.rsaBits.contains(rsa) {
                let known = CertificateKeyKind.rsaBits.map { "\($0)" }.joined(separator: ", ")
                throw ValidationError("--rsa is one of \(known).")
            }
        }

        var options: CertificateFolder.Options {
            var options = CertificateFolder.Options()
            options.days = days
            options.key = rsa.map { .rsa(bits: $0) } ?? .p256
            options.replaces = force
            return options
        }
    }

    /// Further names of a certificate.
    struct Names: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "A further name of the certificate: a DNS name, an IP address, or a URI; may be repeated.",
                valueName: "name"))
        var san: [String] = []

        func read() throws -> [CertificateName] {
            try san.map { text in
                do throws(CertificateError) {
                    return try CertificateName(text)
                } catch {
                    throw ValidationError("--san: \(error)")
                }
            }
        }
    }

    /// Prints what became of files.
    static func print(_ outcomes: [CertificateFolder.Outcome], otherwise: String) {
        for outcome in outcomes {
            StandardStream.output.print("\(outcome.file): \(outcome.isMade ? "made" : otherwise)")
        }
    }

    /// What the command line says about a file that is left alone.
    static let kept = "is there already, left as it is (--force replaces it)"

    /// Runs something that may fail for reasons that are told.
    static func telling<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as CertificateError {
            StandardStream.error.print("\(error)")
            throw ExitCode(ExitStatus.failure)
        }
    }
}
