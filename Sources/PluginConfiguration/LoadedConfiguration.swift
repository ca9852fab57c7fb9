// SPDX-License-Identifier: Apache-2.0

package import PluginFramework

/// A configuration that was found to be in order, and where each of its values came from.
package struct LoadedConfiguration: Sendable {
    /// What it says.
    package let settings: PluginServerSettings
    /// What looks wrong, though it can be used.
    package let warnings: [ConfigurationDiagnostic]
    /// Every value with its source.
    package let report: ConfigurationReport
    /// What errors call the file.
    package let file: String

    let tree: ConfigurationNode

    /// What a fault that shows only when a plugin is made looks like to the one who wrote the file.
    ///
    /// - Parameters:
    ///   - index: The plugin's place in ``PluginServerSettings/plugins``.
    ///   - key: The key within the entry, parts joined by dots ("config.words.3.search"); empty for the whole.
    ///   - message: What is wrong and what to do.
    package func diagnostic(plugin index: Int, key: String, message: String) -> ConfigurationDiagnostic {
        diagnostic(key: key.isEmpty ? "plugins.\(index)" : "plugins.\(index).\(key)", message: message)
    }

    /// What a fault that shows only when the value is used looks like to the one who wrote the file.
    ///
    /// - Parameters:
    ///   - dotted: The key, parts joined by dots ("grpc_server_settings.tls.keyfile").
    ///   - message: What is wrong and what to do.
    package func diagnostic(key dotted: String, message: String) -> ConfigurationDiagnostic {
        report.diagnostic(key: dotted, message: message, in: tree, of: file)
    }

    /// The faults of loading the plugins, as errors of the file.
    package func error(for error: PluginLoadError) -> ConfigurationError {
        ConfigurationError(
            errors: error.faults.map { diagnostic(plugin: $0.index, key: $0.key, message: $0.message) },
            warnings: warnings)
    }
}

extension ConfigurationReport {
    /// What a fault of a value looks like to the one who wrote the file, or the variable or flag in its place.
    func diagnostic(
        key dotted: String, message: String, in tree: ConfigurationNode, of file: String
    ) -> ConfigurationDiagnostic {
        let place = tree.locate(dotted, at: tree.line, path: .root)
        let setting = settings.last { $0.path == place.path && $0.source.rank > SettingSource.file("", line: nil).rank }
        return ConfigurationDiagnostic(
            severity: .error, source: setting?.source ?? .file(file, line: place.line), path: place.path,
            message: message)
    }
}
