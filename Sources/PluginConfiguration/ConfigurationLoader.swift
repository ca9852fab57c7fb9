// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
internal import Values

/// Reads the configuration of a plugin server: command line over environment over file over defaults, key by key.
package struct ConfigurationLoader: Sendable {
    /// Where a server's configuration is when nobody says otherwise, as in ContextForge.
    package static let defaultPath = "./resources/plugins/config.yaml"

    /// The variables of the environment.
    package var environment: [String: String]
    /// What the command line says.
    package var overrides: CommandLineOverrides
    /// The kinds and aliases of the plugins that can be loaded; nil for not to check.
    package var kinds: [String]?
    /// Hooks beside the twelve of ContextForge; nil for any, when the plugins themselves are asked later what they implement.
    package var customHooks: [HookName]? = []
    /// The transports that can be served.
    package var transports: [PluginServerTransport] = PluginServerTransport.allCases
    /// Whether variables that do nothing are looked for; not where another loader does.
    var checksEnvironment = true

    /// Whether the files of certificates have to be there: not for who is about to make them.
    package var requiresFiles = true

    /// Makes a loader.
    package init(environment: [String: String], overrides: CommandLineOverrides = CommandLineOverrides()) {
        self.environment = environment
        self.overrides = overrides
    }

    /// The file to read, and who says so.
    package var path: Sourced<String> {
        if let path = overrides.config { return Sourced(value: path, source: .commandLine("--config")) }
        if let path = environment["PLUGINS_CONFIG_PATH"], !path.isEmpty {
            return Sourced(value: path, source: .environment("PLUGINS_CONFIG_PATH"))
        }
        return Sourced(value: Self.defaultPath, source: .defaultValue)
    }

    /// Reads the file at ``path``.
    ///
    /// - Throws: All that is wrong with it.
    package func load() throws(ConfigurationError) -> LoadedConfiguration {
        let path = path.value
        let file: ConfigurationFile
        do throws(ConfigurationFile.Failure) {
            file = try ConfigurationFile.read(path)
        } catch {
            throw Self.single(error.message, at: error.line, path: .root, file: path)
        }
        return try load(text: file.text, name: path)
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - text: YAML.
    ///   - name: What errors call it.
    /// - Throws: All that is wrong with it.
    package func load(text: String, name: String) throws(ConfigurationError) -> LoadedConfiguration {
        let session = LoadSession(fileName: name, environment: environment, overrides: overrides)
        session.requiresFiles = requiresFiles
        var reader = YAMLReader(environment: environment)
        let tree: ConfigurationNode?
        do throws(YAMLReader.Failure) {
            tree = try reader.read(text)
        } catch {
            throw Self.single(error.message, at: error.line, path: error.path, file: name)
        }
        guard let tree, !tree.isNull else {
            throw Self.single("is empty; list plugins under `plugins:`", at: nil, path: .root, file: name)
        }
        guard tree.members != nil else {
            throw Self.single(
                "is \(tree.kindDescription), not a configuration; give a mapping that begins with `plugins:`",
                at: tree.line, path: .root, file: name)
        }
        for fault in reader.faults { session.error(session.file(fault.line), fault.path, fault.message) }

        let settings = read(SettingsSection(session, path: .root, node: tree, line: nil))
        if checksEnvironment { EnvironmentCheck(session: session).run(pluginCount: settings.plugins.count) }
        let errors = session.sorted(.error)
        let warnings = session.sorted(.warning)
        guard errors.isEmpty else { throw ConfigurationError(errors: errors, warnings: warnings) }
        return LoadedConfiguration(
            settings: settings, warnings: warnings,
            report: ConfigurationReport(settings: session.settings, mask: session.mask), file: name, tree: tree)
    }

    private func read(_ root: SettingsSection) -> PluginServerSettings {
        var settings = PluginServerSettings()
        let process = ProcessReader(root: root)
        let gatehouse = root.section("gatehouse")
        let transports = TransportReader(gatehouse, available: transports)
        settings.transports = transports.transports.value
        settings.process = process.readProcess(gatehouse)
        settings.grpcClient = GRPCClientReader(section: gatehouse.section("grpc_client")).read()
        settings.unixSocketClient = UnixSocketClientReader(section: gatehouse.section("unix_socket_client")).read()
        root.session.mask = SecretMask(secretKeys: settings.process.secretKeys)
        gatehouse.finish()
        settings.pipeline = process.readPipeline()
        let servers = ServerReader(root: root, transports: transports)
        settings.grpc = servers.readGRPC()
        settings.mcp = servers.readMCP()
        settings.unixSocket = servers.readUnixSocket()
        settings.pluginDirectories = root.texts("plugin_dirs")
        settings.plugins =
            PluginReader(root: root, kinds: kinds, hooks: customHooks.map { HookName.standard + $0 }).read()
        root.allowExtensions()
        root.finish()
        let limits = [
            (PluginServerTransport.grpc, "grpc_server_settings", settings.grpc.maximumMessageSize),
            (.unix, "unix_socket_server_settings", settings.unixSocket.maximumMessageSize),
        ]
        for (transport, section, limit) in limits
        where transports.serves(transport) && limit > settings.process.memoryBudget {
            let path = KeyPathText.root.key(section).key("max_message_size")
            root.session.warn(
                root.session.source(of: path), path,
                "is above gatehouse.memory_budget (\(settings.process.memoryBudget) bytes), so that messages of this size are "
                    + "refused; raise the budget, or lower the limit")
        }
        return settings
    }

    private static func single(
        _ message: String, at line: Int?, path: KeyPathText, file: String
    ) -> ConfigurationError {
        let source = SettingSource.file(file, line: line)
        return ConfigurationError(
            errors: [ConfigurationDiagnostic(severity: .error, source: source, path: path, message: message)],
            warnings: [])
    }
}
