// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginFramework
import PluginServer
import TransportSecurity

extension CertsCommand {
    /// `gatehouse certs ca`.
    struct Authority: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(commandName: "ca", abstract: "Makes the authority that issues all other certificates.")
        }

        @OptionGroup var place: Place
        @OptionGroup var making: Making

        func run() async throws {
            let outcome = try CertsCommand.telling { try place.folder.makeAuthority(making.options) }
            CertsCommand.print([outcome], otherwise: CertsCommand.kept)
            if outcome.isMade, making.force {
                StandardStream.error.print(
                    "what the former authority issued is not trusted with this one; make it anew: gatehouse certs all --force"
                )
            }
        }
    }

    /// `gatehouse certs gateway`.
    struct Gateway: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Makes the certificate that a gateway shows to plugin servers.")
        }

        @OptionGroup var place: Place
        @OptionGroup var making: Making
        @OptionGroup var names: Names

        func run() async throws {
            var options = making.options
            options.names = try names.read()
            CertsCommand.print(
                try CertsCommand.telling { try place.folder.make(.gateway, options) }, otherwise: CertsCommand.kept)
        }
    }

    /// `gatehouse certs plugin NAME`.
    struct Plugin: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Makes the certificate of a plugin's server.",
                discussion: "It is good for NAME, mcp-plugin-NAME, localhost, 127.0.0.1, ::1, and what --san adds.")
        }

        @Argument(help: "The plugin's name.")
        var name: String

        @OptionGroup var place: Place
        @OptionGroup var making: Making
        @OptionGroup var names: Names

        func run() async throws {
            var options = making.options
            options.names = try names.read()
            CertsCommand.print(
                try CertsCommand.telling { try place.folder.make(.plugin(name), options) }, otherwise: CertsCommand.kept
            )
        }
    }

    /// `gatehouse certs all`.
    struct All: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract:
                    "Makes everything: the authority, the gateway's certificate, and one for each external plugin.",
                discussion: """
                    The plugins are those of the configuration that are reached over gRPC or MCP, by name; the host that each is \
                    reached at becomes a name of its certificate.
                    """)
        }

        @Option(
            name: [.short, .long],
            help: "Configuration file (default: $PLUGINS_CONFIG_PATH, else ./resources/plugins/config.yaml).")
        var config: String?

        @OptionGroup var place: Place
        @OptionGroup var making: Making

        func run() async throws {
            let plugins = try externalPlugins()
            let outcomes = try CertsCommand.telling {
                var outcomes = [try place.folder.makeAuthority(making.options)]
                outcomes += try place.folder.make(.gateway, making.options)
                for plugin in plugins {
                    var options = making.options
                    options.names = plugin.host.flatMap { try? CertificateName($0) }.map { [$0] } ?? []
                    outcomes += try place.folder.make(.plugin(plugin.name), options)
                }
                return outcomes
            }
            CertsCommand.print(outcomes, otherwise: CertsCommand.kept)
        }

        /// The plugins on servers that can speak TLS, and the hosts of these.
        private func externalPlugins() throws -> [(name: String, host: String?)] {
            var overrides = CommandLineOverrides()
            overrides.config = config
            var loader = PluginServerLaunch.loader(overrides, registry: .builtin)
            loader.transports = PluginServerTransport.allCases
            // What the configuration names is about to be made.
            loader.requiresFiles = false
            let settings: PluginServerSettings
            do throws(ConfigurationError) {
                settings = try loader.load().settings
            } catch {
                for diagnostic in error.errors { StandardStream.error.print("\(diagnostic)") }
                throw ExitCode(ExitStatus.configuration)
            }
            return settings.plugins.compactMap { entry in
                switch entry.external {
                case .grpc(let target)? where target.uds == nil: (entry.name, Self.host(ofTarget: target.target ?? ""))
                case .mcp(let target)? where target.url != nil && target.uds == nil:
                    (entry.name, Self.host(ofURL: target.url ?? ""))
                default: nil
                }
            }
        }

        /// `host` of `host:port`, `[host]:port`, `dns:///host:port`.
        private static func host(ofTarget target: String) -> String? {
            let address = target.split(separator: "/").last ?? ""
            guard let colon = address.lastIndex(of: ":") else { return nil }
            return String(address[..<colon].filter { $0 != "[" && $0 != "]" })
        }

        /// `host` of `https://host:port/path`.
        private static func host(ofURL url: String) -> String? {
            guard let start = url.firstRange(of: "://")?.upperBound else { return nil }
            let authority = url[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            if authority.first == "[" { return String(authority.dropFirst().prefix { $0 != "]" }) }
            return String(authority.prefix { $0 != ":" })
        }
    }
}
