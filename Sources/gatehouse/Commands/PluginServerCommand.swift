// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework
import PluginServer

/// `gatehouse plugin-server`.
struct PluginServerCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "plugin-server",
            abstract: "Serves the built-in plugins to ContextForge-compatible gateways, over gRPC.",
            discussion: """
                Prints READY on stdout once it listens, and logs on stderr. Values come from the command line, else the \
                environment (PLUGINS_...), else the file, else the default; `gatehouse config show` tells which. \
                SIGTERM or SIGINT drains and ends with 0; a second one ends at once.
                """)
    }

    @OptionGroup var options: PluginServerOptions

    @Flag(help: "Serve an embedded example configuration instead of a file; `gatehouse config example` prints it.")
    var example = false

    func validate() throws {
        guard !example || options.config == nil else {
            throw ValidationError("--example serves a configuration of its own; leave out --config, or --example.")
        }
    }

    func run() async throws {
        try await PluginServerLaunch.run(
            options, registry: .builtin, text: example ? (ExampleConfiguration.yaml, ExampleConfiguration.name) : nil)
    }
}
