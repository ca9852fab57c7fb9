// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `gatehouse bench`: loads plugin servers and measures how long calls take.
struct BenchCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "bench", abstract: "Loads a plugin server or an MCP server, or compares all transports.",
            subcommands: [Load.self, Tool.self, Transports.self, Serve.self], defaultSubcommand: Load.self)
    }
}
