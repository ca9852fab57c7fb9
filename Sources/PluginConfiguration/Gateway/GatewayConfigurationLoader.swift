// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
internal import Values

/// Reads the configuration of a gateway: command line over environment over file over defaults, key by key.
package struct GatewayConfigurationLoader: Sendable {
    /// Where a gateway's configuration is when nobody says otherwise.
    package static let defaultPath = "./gateway.yaml"

    /// The variables of the environment.
    package var environment: [String: String]
    /// What the command line says.
    package var overrides: CommandLineOverrides
    /// The kinds and aliases of the plugins that can be loaded; nil for not to check.
    package var kinds: [String]?
    /// Hooks beside the twelve of ContextForge; nil for any, when the plugins themselves are asked later what they implement.
    package var customHooks: [HookName]? = []
    /// Where ContextForge's gateways look for plugins when they are switched on without a path.
    var defaultPluginPath = "./plugins/config.yaml"
    /// Whether the process serves one client on its standard input and output, and listens nowhere.
    package var isStdio = false

    /// Makes a loader.
    package init(environment: [String: String], overrides: CommandLineOverrides = CommandLineOverrides()) {
        self.environment = environment
        self.overrides = overrides
    }

    /// The file to read, and who says so.
    package var path: Sourced<String> {
        if let path = overrides.config { return Sourced(value: path, source: .commandLine("--config")) }
        if let path = environment["GATEHOUSE_CONFIG"], !path.isEmpty {
            return Sourced(value: path, source: .environment("GATEHOUSE_CONFIG"))
        }
        return Sourced(value: Self.defaultPath, source: .defaultValue)
    }

    /// Reads the file at ``path``.
    ///
    /// The default file counts as an empty one if it is not there, so that variables alone can start a gateway.
    ///
    /// - Throws: All that is wrong with it.
    package func load() throws(ConfigurationError) -> LoadedGatewayConfiguration {
        let path = path
        guard path.source != .defaultValue || !FileChecks.isMissing(path.value) else {
            return try load(text: "{}", name: path.value)
        }
        let file: ConfigurationFile
        do throws(ConfigurationFile.Failure) {
            file = try ConfigurationFile.read(path.value)
        } catch {
            throw ConfigurationError.single(error.message, at: error.line, path: .root, file: path.value)
        }
        return try load(text: file.text, name: path.value)
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - text: YAML, or JSON as MCP clients have it (`{"mcpServers": {…}}`).
    ///   - name: What errors call it.
    /// - Throws: All that is wrong with it.
    package func load(text: String, name: String) throws(ConfigurationError) -> LoadedGatewayConfiguration {
        let session = LoadSession(fileName: name, environment: environment, overrides: overrides)
        var reader = YAMLReader(environment: environment)
        let tree: ConfigurationNode
        do throws(YAMLReader.Failure) {
            tree = try reader.read(text) ?? ConfigurationNode(content: .mapping([]), line: 1)
        } catch {
            throw ConfigurationError.single(error.message, at: error.line, path: error.path, file: name)
        }
        guard tree.isNull || tree.members != nil else {
            throw ConfigurationError.single(
                "is \(tree.kindDescription), not a configuration; give a mapping with `mcpServers:`",
                at: tree.line, path: .root, file: name)
        }
        for fault in reader.faults { session.error(session.file(fault.line), fault.path, fault.message) }

        let root = SettingsSection(session, path: .root, node: tree, line: nil)
        var settings = GatewaySettings()
        let process = ProcessReader(root: root)
        let gatehouse = root.section("gatehouse")
        let processSettings = process.readProcess(gatehouse)
        session.mask = SecretMask(secretKeys: processSettings.secretKeys)
        settings.listen = GatewayListenReader(root: root, isStdio: isStdio).read()
        settings.upstreams = UpstreamReader(root: root).read()
        settings.servers = VirtualServerReader(root: root, upstreams: settings.upstreams).read()
        let authentication = root.section("auth")
        settings.tokens = GatewayTokenReader(section: authentication, servers: settings.servers).read()
        settings.authentication = GatewayAuthenticationReader(section: authentication).read()
        settings.limits = GatewayLimitsReader(section: root.section("limits")).read()
        settings.requestState = RequestStateReader(section: root.section("request_state")).read()
        let plugins = GatewayPluginsReader(root: root, gatehouse: gatehouse, loader: self).read()
        settings.pluginsEnabled = plugins.isEnabled
        settings.plugins = plugins.settings
        settings.plugins.process = processSettings
        gatehouse.finish()
        root.allowExtensions()
        root.finish()
        EnvironmentCheck(session: session).checkUnknown()
        if !isStdio { GatewayListenReader.checkAuthentication(settings, session) }

        let errors = session.sorted(.error) + plugins.errors
        let warnings = session.sorted(.warning) + plugins.warnings
        guard errors.isEmpty else { throw ConfigurationError(errors: errors, warnings: warnings) }
        let report = ConfigurationReport(settings: session.settings, mask: session.mask)
        return LoadedGatewayConfiguration(
            settings: settings, warnings: warnings, report: report, file: name,
            plugins: plugins.loaded
                ?? LoadedConfiguration(
                    settings: settings.plugins, warnings: [], report: report, file: name, tree: tree),
            pluginReport: plugins.loaded?.report, tree: tree)
    }
}

extension ConfigurationError {
    /// One error of a file.
    static func single(_ message: String, at line: Int?, path: KeyPathText, file: String) -> ConfigurationError {
        ConfigurationError(
            errors: [
                ConfigurationDiagnostic(
                    severity: .error, source: .file(file, line: line), path: path, message: message)
            ],
            warnings: [])
    }
}
