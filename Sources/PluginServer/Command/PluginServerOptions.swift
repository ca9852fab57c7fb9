// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
package import PluginConfiguration
import PluginFramework

/// The flags of every plugin server: of `gatehouse plugin-server`, and of executables that plugin authors ship.
package struct PluginServerOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: "Configuration file (default: $PLUGINS_CONFIG_PATH, else ./resources/plugins/config.yaml).")
    package var config: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "How plugins are reached: grpc, unix, http or stdio; give it again to serve several (default: grpc).",
            valueName: "transport"))
    package var transport: [String] = []

    @Option(name: [.customShort("H"), .long], help: "Address or name to listen on (default: 0.0.0.0).")
    package var host: String?

    @Option(name: [.short, .long], help: "Port to listen on, 0 for any that is free (default: 50051).")
    package var port: String?

    @Option(name: .long, help: "Unix socket to listen on, instead of host and port.")
    package var uds: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Whether to serve TLS, whatever the file and the environment say; the certificate comes from them.")
    package var tls: Bool?

    @Option(
        name: [.short, .long],
        help: "How much is logged: trace, debug, info, notice, warning, error or critical (default: info).")
    package var logLevel: String?

    @Option(name: .long, help: "How log lines on stderr look: text or json (default: text).")
    package var logFormat: String?

    @Option(name: .long, help: "How many seconds calls in flight may go on after SIGTERM or SIGINT (default: 10).")
    package var grace: String?

    @Flag(name: .long, help: "Warn about unknown keys in the configuration instead of refusing it.")
    package var lenient = false

    package init() {}

    /// What the flags say about the configuration.
    package var overrides: CommandLineOverrides {
        var overrides = CommandLineOverrides()
        overrides.config = config
        overrides.transport = transport.isEmpty ? nil : transport.joined(separator: ",")
        overrides.host = host
        overrides.port = port
        overrides.uds = uds
        overrides.tls = tls
        overrides.logLevel = logLevel
        overrides.logFormat = logFormat
        overrides.grace = grace
        overrides.lenient = lenient
        return overrides
    }
}
