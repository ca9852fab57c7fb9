// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads which plugins a gateway runs: `plugins`, a list of them or the path of a configuration that has them.
struct GatewayPluginsReader {
    /// What was read.
    struct Outcome {
        /// Nil when nobody says.
        var isEnabled: Bool?
        var settings = PluginServerSettings()
        /// The file of their own, if the plugins have one.
        var loaded: LoadedConfiguration?
        /// The faults of that file.
        var errors: [ConfigurationDiagnostic] = []
        var warnings: [ConfigurationDiagnostic] = []
    }

    let root: SettingsSection
    let gatehouse: SettingsSection
    let loader: GatewayConfigurationLoader

    private var session: LoadSession { root.session }

    func read() -> Outcome {
        var outcome = Outcome()
        outcome.isEnabled = root.optional("plugins_enabled", .bool, variables: ["PLUGINS_ENABLED"])?.value
        guard let path = path(isOn: outcome.isEnabled == true) else {
            let process = ProcessReader(root: root)
            outcome.settings.pipeline = process.readPipeline()
            outcome.settings.grpcClient = GRPCClientReader(section: gatehouse.section("grpc_client")).read()
            outcome.settings.pluginDirectories = root.texts("plugin_dirs")
            let hooks = loader.customHooks.map { HookName.standard + $0 }
            outcome.settings.plugins = PluginReader(root: root, kinds: loader.kinds, hooks: hooks).read()
            return outcome
        }
        for (section, key) in [(root, "plugin_settings"), (root, "plugin_dirs"), (gatehouse, "grpc_client")] {
            guard let member = section.member(key) else { continue }
            session.error(
                session.file(member.line), section.path.key(key),
                "the plugins are in a file of their own (\(path.value)); move it there")
        }
        readFile(path, &outcome)
        return outcome
    }

    /// The path of the plugins' own file, if they have one.
    private func path(isOn: Bool) -> Sourced<String>? {
        var path: Sourced<String>?
        var isInline = false
        if let member = root.member("plugins") {
            if case .scalar = member.value.content {
                path = root.optional("plugins", .name)
            } else {
                isInline = true
            }
        }
        for variable in ["PLUGINS_CONFIG_FILE", "PLUGIN_CONFIG_FILE"] {
            guard let text = session.environment[variable] else { continue }
            path = Sourced(value: text, source: .environment(variable))
        }
        if let text = session.overrides.plugins { path = Sourced(value: text, source: .commandLine("--plugins")) }
        if let path, isInline {
            session.warn(
                path.source, .root.key("plugins"), "takes the place of the plugins listed in \(session.fileName)")
        }
        if path == nil, !isInline, isOn {
            // ContextForge's own default; not to find it there must not mean that nothing is checked.
            path = Sourced(value: loader.defaultPluginPath, source: .environment("PLUGINS_ENABLED"))
        }
        if let path { root.record("plugins", .string(path.value), path.source) }
        return path
    }

    private func readFile(_ path: Sourced<String>, _ outcome: inout Outcome) {
        var flags = CommandLineOverrides()
        flags.config = session.expandingHome(path.value)
        flags.lenient = session.overrides.lenient
        var reader = ConfigurationLoader(environment: session.environment, overrides: flags)
        reader.kinds = loader.kinds
        reader.customHooks = loader.customHooks
        reader.checksEnvironment = false
        do throws(ConfigurationError) {
            let loaded = try reader.load()
            outcome.loaded = loaded
            outcome.settings = loaded.settings
            outcome.warnings = Self.relevant(loaded.warnings)
        } catch {
            outcome.errors = Self.named(error.errors, path)
            outcome.warnings = Self.relevant(error.warnings)
        }
        guard outcome.isEnabled == false else { return }
        // What is switched off does no harm.
        outcome.warnings += outcome.errors.map { diagnostic in
            var diagnostic = diagnostic
            diagnostic.severity = .warning
            return diagnostic
        }
        outcome.errors = []
    }

    /// A file that is not there is the fault of the one who named it.
    private static func named(
        _ errors: [ConfigurationDiagnostic], _ path: Sourced<String>
    ) -> [ConfigurationDiagnostic] {
        errors.map { diagnostic in
            guard case .file(_, line: nil) = diagnostic.source, diagnostic.path == .root else { return diagnostic }
            var diagnostic = diagnostic
            diagnostic.source = path.source
            diagnostic.path = .root.key("plugins")
            diagnostic.message =
                "\"\(path.value)\" \(diagnostic.message.prefix { $0 != ";" }); give the path of a plugin configuration in "
                + "plugins, PLUGIN_CONFIG_FILE or --plugins"
            return diagnostic
        }
    }

    /// What the file says about servers of its own does not concern the gateway.
    private static func relevant(_ warnings: [ConfigurationDiagnostic]) -> [ConfigurationDiagnostic] {
        let servers = ["grpc_server_settings", "server_settings", "unix_socket_server_settings", "gatehouse."]
        return warnings.filter { warning in !servers.contains { warning.path.description.hasPrefix($0) } }
    }
}
