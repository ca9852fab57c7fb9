// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import PluginConfiguration
import PluginFramework
import PluginServer
import Values

/// `gatehouse plugins`: tries plugins and chains without a gateway.
struct PluginsCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "plugins", abstract: "Lists plugins, asks one, or runs the whole chain, without a gateway.",
            subcommands: [List.self, Invoke.self, Run.self])
    }

    /// What all of them take.
    struct Options: ParsableArguments {
        @Option(
            name: [.short, .long],
            help: "Configuration file (default: $PLUGINS_CONFIG_PATH, else ./resources/plugins/config.yaml).")
        var config: String?

        @Option(name: [.short, .long], help: "How much is logged on stderr (default: warning).")
        var logLevel: String?

        @Flag(name: .long, help: "Print JSON instead of text.")
        var json = false

        /// Loads what the configuration names, does something with it, and ends it.
        func withPlugins<Result>(_ body: (PluginSet) async throws -> Result) async throws -> Result {
            var overrides = CommandLineOverrides()
            overrides.config = config
            overrides.logLevel = logLevel ?? "warning"
            var loader = PluginServerLaunch.loader(overrides, registry: .builtin)
            // How this configuration would be served does not matter here.
            loader.transports = PluginServerTransport.allCases
            let loaded: LoadedConfiguration
            do throws(ConfigurationError) {
                loaded = try loader.load()
            } catch {
                for diagnostic in error.errors { StandardStream.error.print("\(diagnostic)") }
                throw ExitCode(ExitStatus.configuration)
            }
            let logger = Logger(label: "gatehouse", factory: StderrLogHandler.factory(loaded.settings.process))
            LoggingSystem.bootstrap(StderrLogHandler.factory(loaded.settings.process))
            for warning in loaded.warnings { logger.warning("\(warning)") }
            let plugins: PluginSet
            do throws(PluginLoadError) {
                plugins = try await PluginSet.load(loaded.settings, registry: .builtin, logger: logger)
            } catch {
                for fault in error.faults {
                    StandardStream.error.print(
                        "\(loaded.diagnostic(plugin: fault.index, key: fault.key, message: fault.message))")
                }
                throw ExitCode(ExitStatus.configuration)
            }
            do {
                let result = try await body(plugins)
                await plugins.shutDown()
                return result
            } catch {
                await plugins.shutDown()
                throw error
            }
        }
    }

    /// What is known of the request that the plugins are to see.
    struct RequestOptions: ParsableArguments {
        @Option(help: "What the hook is about, as JSON; - reads it from stdin.")
        var payload: String

        @Option(help: "The request's identifier.")
        var requestID = "gatehouse-plugins"

        @Option(help: "Who makes the request: text, or a JSON object.")
        var user: String?

        @Option(help: "The tenant on whose behalf it is made.")
        var tenantID: String?

        @Option(help: "The virtual server through which it came.")
        var serverID: String?

        @Option(help: "The media type of its content.")
        var contentType: String?

        var context: GlobalContext {
            let user = user.map { text in
                (try? JSONParser.decode(text.utf8)).flatMap { $0.objectValue.map(Value.object) } ?? .string(text)
            }
            return GlobalContext(
                requestID: requestID, user: user, tenantID: tenantID, serverID: serverID, contentType: contentType)
        }

        /// The payload's text.
        func jsonBytes() throws -> [UInt8] {
            payload == "-" ? try StandardInput.readAll() : Array(payload.utf8)
        }
    }
}
