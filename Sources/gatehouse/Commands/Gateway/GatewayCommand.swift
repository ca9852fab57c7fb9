// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import PluginConfiguration
import PluginFramework
import PluginServer

/// `gatehouse gateway`.
struct GatewayCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "gateway",
            abstract: "Serves MCP clients: the MCP servers behind it as one, with plugins around every call.",
            discussion: """
                Listens on http://127.0.0.1:4444/mcp, and on /servers/{id}/mcp for virtual servers. Prints READY on stdout once it \
                listens, and logs on stderr. Values come from the command line, else the environment, else the file, else the \
                default; `gatehouse config show --config FILE` tells which. SIGTERM or SIGINT drains and ends with 0; a second one \
                ends at once.
                """)
    }

    @OptionGroup var options: GatewayOptions

    func run() async throws {
        var loader = GatewayConfigurationLoader(
            environment: PluginServerLaunch.environment, overrides: options.overrides)
        loader.kinds = PluginRegistry.builtin.kinds
        loader.customHooks = nil
        loader.isStdio = options.stdio
        let configuration: LoadedGatewayConfiguration
        do throws(ConfigurationError) {
            configuration = try loader.load()
        } catch {
            for diagnostic in error.warnings { StandardStream.error.print("warning: \(diagnostic)") }
            for diagnostic in error.errors { StandardStream.error.print("\(diagnostic)") }
            throw ExitCode(ExitStatus.configuration)
        }
        LoggingSystem.bootstrap(StderrLogHandler.factory(configuration.settings.plugins.process))
        let process = GatewayProcess(configuration: configuration, registry: .builtin, isStdio: options.stdio)
        let status = await process.run()
        guard status == ExitStatus.success else { throw ExitCode(status) }
    }
}

/// The flags of `gatehouse gateway`.
struct GatewayOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help:
            "Configuration file, gateway.yaml or an MCP client's mcp.json (default: $GATEHOUSE_CONFIG, else ./gateway.yaml)."
    )
    var config: String?

    @Option(name: [.customShort("H"), .long], help: "Address or name to listen on (default: 127.0.0.1).")
    var host: String?

    @Option(name: [.short, .long], help: "Port to listen on, 0 for any that is free (default: 4444).")
    var port: String?

    @Option(name: .long, help: "Unix socket to listen on, instead of host and port.")
    var uds: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Whether to serve TLS, whatever the file and the environment say; the certificate comes from them.")
    var tls: Bool?

    @Flag(name: .long, help: "Serve one client on standard input and output, instead of listening.")
    var stdio = false

    @Option(name: .long, help: "Plugin configuration (default: plugins of the file, $PLUGIN_CONFIG_FILE).")
    var plugins: String?

    @Flag(name: .long, help: "Listen beyond this machine without authentication.")
    var insecure = false

    @Option(
        name: [.short, .long],
        help: "How much is logged: trace, debug, info, notice, warning, error or critical (default: info).")
    var logLevel: String?

    @Option(name: .long, help: "How log lines on stderr look: text or json (default: text).")
    var logFormat: String?

    @Option(name: .long, help: "How many seconds calls in flight may go on after SIGTERM or SIGINT (default: 10).")
    var grace: String?

    @Flag(name: .long, help: "Warn about unknown keys in the configuration instead of refusing it.")
    var lenient = false

    /// What the flags say about the configuration.
    var overrides: CommandLineOverrides {
        var overrides = CommandLineOverrides()
        overrides.config = config
        overrides.host = host
        overrides.port = port
        overrides.uds = uds
        overrides.tls = tls
        overrides.plugins = plugins
        overrides.insecure = insecure
        overrides.logLevel = logLevel
        overrides.logFormat = logFormat
        overrides.grace = grace
        overrides.lenient = lenient
        return overrides
    }
}
