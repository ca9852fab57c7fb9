// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework

/// The root of all commands.
struct Gatehouse: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "gatehouse",
            abstract: "An MCP gateway and plugin server, compatible with ContextForge.",
            discussion: """
                Exit codes: 0 the command did what it was asked to do; 1 something failed while running; 2 the command line \
                or the configuration is wrong; 128 and a signal's number when a second signal cut a drain short.
                """,
            version: Version.current,
            subcommands: [
                GatewayCommand.self, PluginServerCommand.self, PluginsCommand.self, CertsCommand.self,
                ConfigCommand.self, MCPCommand.self,
                DemoServerCommand.self,
                BenchCommand.self,
            ])
    }
}

/// Which version this is.
enum Version {
    static let current = ProductVersion.current
}
