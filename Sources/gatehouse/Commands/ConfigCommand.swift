// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginFramework
import PluginServer

/// `gatehouse config`: what a configuration says, and whether it is in order.
struct ConfigCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "config", abstract: "Checks and shows configurations.",
            subcommands: [Check.self, Show.self, Example.self])
    }

    /// `gatehouse config check FILE`.
    struct Check: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Reports everything that is wrong with a configuration; ends with 2 if anything is.")
        }

        @Argument(help: "The configuration file.")
        var file: String

        @Flag(help: "Warn about unknown keys instead of refusing them.")
        var lenient = false

        func run() async throws {
            var overrides = CommandLineOverrides()
            overrides.config = file
            overrides.lenient = lenient
            if ConfigCommand.isGateway(overrides) {
                try ConfigCommand.gatewayCommand(overrides).check().finish()
            } else {
                try ConfigCommand.command(overrides).check().finish()
            }
        }
    }

    /// `gatehouse config show`.
    struct Show: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract:
                    "Shows every value and where it came from: command line, environment, file or default. Secrets are masked."
            )
        }

        @OptionGroup var options: PluginServerOptions

        @Flag(help: "Print JSON instead of a table.")
        var json = false

        func run() async throws {
            let format = json ? ConfigurationCommand.Format.json : .text
            if ConfigCommand.isGateway(options.overrides) {
                try ConfigCommand.gatewayCommand(options.overrides).show(format).finish()
            } else {
                try ConfigCommand.command(options.overrides).show(format).finish()
            }
        }
    }

    /// `gatehouse config example`.
    struct Example: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Prints the configuration that `gatehouse plugin-server --example` serves.")
        }

        func run() async throws {
            StandardStream.output.write(Array(ExampleConfiguration.yaml.utf8))
        }
    }

    /// Whether the file is a gateway's.
    private static func isGateway(_ overrides: CommandLineOverrides) -> Bool {
        let environment = PluginServerLaunch.environment
        let path = overrides.config ?? environment["PLUGINS_CONFIG_PATH"] ?? ConfigurationLoader.defaultPath
        return GatewayConfigurationCommand.isGateway(path, environment: environment)
    }

    private static func gatewayCommand(_ overrides: CommandLineOverrides) -> GatewayConfigurationCommand {
        var loader = GatewayConfigurationLoader(environment: PluginServerLaunch.environment, overrides: overrides)
        loader.kinds = PluginRegistry.builtin.kinds
        loader.customHooks = nil
        return GatewayConfigurationCommand(loader) { loaded in
            PluginHost.check(loaded.settings.plugins, registry: .builtin)
        }
    }

    private static func command(_ overrides: CommandLineOverrides) -> ConfigurationCommand {
        ConfigurationCommand(PluginServerLaunch.loader(overrides, registry: .builtin)) { loaded in
            PluginHost.check(loaded.settings.plugins, registry: .builtin)
        }
    }
}

extension ConfigurationCommand.Outcome {
    /// Prints what there is to say, and throws the exit code unless it is 0.
    fileprivate func finish() throws {
        StandardStream.output.write(Array(output.utf8))
        StandardStream.error.write(Array(errors.utf8))
        guard status == ExitStatus.success else { throw ExitCode(status) }
    }
}
