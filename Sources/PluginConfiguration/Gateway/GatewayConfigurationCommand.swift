// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
internal import Values

/// What `gatehouse config` does with the configuration of a gateway, without the parsing of its arguments and the printing.
package struct GatewayConfigurationCommand {
    private let loader: GatewayConfigurationLoader
    private let verify: (LoadedConfiguration) -> PluginLoadError?

    /// Makes a command.
    ///
    /// - Parameters:
    ///   - loader: Knows the file, the environment, and the kinds that can be loaded.
    ///   - verify: What only the plugins themselves can tell: the faults of their settings.
    package init(
        _ loader: GatewayConfigurationLoader, verify: @escaping (LoadedConfiguration) -> PluginLoadError? = { _ in nil }
    ) {
        self.loader = loader
        self.verify = verify
    }

    /// Whether a file is a gateway's configuration and not a plugin server's, as far as its keys tell.
    package static func isGateway(_ path: String, environment: [String: String]) -> Bool {
        var reader = YAMLReader(environment: environment)
        guard let file = try? ConfigurationFile.read(path), let tree = try? reader.read(file.text) else { return false }
        return ["mcpServers", "servers", "listen", "auth", "limits"].contains { tree.member($0) != nil }
    }

    /// `gatehouse config check FILE`: everything that is wrong, or one line that says that nothing is.
    package func check() -> ConfigurationCommand.Outcome {
        run { loaded in
            let settings = loaded.settings
            let plugins = settings.plugins.plugins
            return
                "\(loaded.file): in order: \(settings.upstreams.count) MCP servers, \(settings.servers.count) virtual "
                + "servers, \(plugins.count) plugins, \(plugins.count(where: \.isEnabled)) of them enabled"
                + (settings.runsPlugins ? "" : " and switched off by PLUGINS_ENABLED")
                + "; serves MCP on \(Self.address(settings.listen))\n"
        }
    }

    /// `gatehouse config show`: every value and its source, secrets masked.
    package func show(_ format: ConfigurationCommand.Format = .text) -> ConfigurationCommand.Outcome {
        run { loaded in
            switch format {
            case .text:
                return loaded.report.table
                    + (loaded.pluginReport.map { "\n\(loaded.plugins.file)\n\($0.table)" } ?? "")
            case .json:
                var shown = loaded.report.json.objectValue ?? [:]
                if let plugins = loaded.pluginReport { shown["plugin_configuration"] = plugins.json }
                return Value.object(shown).jsonText + "\n"
            }
        }
    }

    private func run(_ body: (LoadedGatewayConfiguration) -> String) -> ConfigurationCommand.Outcome {
        var outcome = ConfigurationCommand.Outcome()
        do throws(ConfigurationError) {
            let loaded = try loader.load()
            outcome.errors = Self.lines(loaded.warnings, prefix: "warning: ")
            if loaded.settings.runsPlugins, let error = verify(loaded.plugins) { throw loaded.error(for: error) }
            outcome.output = body(loaded)
        } catch {
            outcome.errors = Self.lines(error.warnings, prefix: "warning: ") + Self.lines(error.errors, prefix: "")
            outcome.status = ExitStatus.configuration
        }
        return outcome
    }

    private static func lines(_ diagnostics: [ConfigurationDiagnostic], prefix: String) -> String {
        diagnostics.map { "\(prefix)\($0)\n" }.joined()
    }

    private static func address(_ listen: GatewayListenSettings) -> String {
        if let socket = listen.socket { return "unix:\(socket.path)" }
        let host = listen.host.utf8.contains(UInt8(ascii: ":")) ? "[\(listen.host)]" : listen.host
        return "\(host):\(listen.port)"
    }
}
