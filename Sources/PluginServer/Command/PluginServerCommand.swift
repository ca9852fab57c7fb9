// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
public import PluginFramework

/// An executable that serves plugins of its own: every transport, flag, signal and health check of `gatehouse plugin-server`.
///
/// ```swift
/// @main struct Server: PluginServerCommand {
///     static let plugins: [any Plugin.Type] = [BusinessHours.self]
/// }
/// ```
public protocol PluginServerCommand {
    /// The plugins that configuration can ask for.
    static var plugins: [any Plugin.Type] { get }
}

extension PluginServerCommand {
    /// Reads the command line and serves until the process is asked to end.
    @concurrent
    public static func main() async {
        let status = await PluginServerRoot.$registry.withValue(PluginRegistry(plugins)) {
            await CommandExit.run(PluginServerRoot.self)
        }
        exit(status)
    }
}

/// The command of such an executable.
private struct PluginServerRoot: AsyncParsableCommand {
    /// What the executable serves.
    ///
    /// The parser makes commands from their types alone, so nothing can be handed to them.
    @TaskLocal static var registry = PluginRegistry()

    static var configuration: CommandConfiguration {
        CommandConfiguration(abstract: "Serves plugins to ContextForge-compatible gateways.")
    }

    @OptionGroup var options: PluginServerOptions

    func run() async throws {
        try await PluginServerLaunch.run(options, registry: Self.registry)
    }
}
