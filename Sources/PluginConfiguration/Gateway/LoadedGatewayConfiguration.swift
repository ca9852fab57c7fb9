// SPDX-License-Identifier: Apache-2.0

package import PluginFramework

/// A gateway's configuration that was found to be in order, and where each of its values came from.
package struct LoadedGatewayConfiguration: Sendable {
    /// What it says.
    package let settings: GatewaySettings
    /// What looks wrong, though it can be used.
    package let warnings: [ConfigurationDiagnostic]
    /// Every value with its source, but those of a plugin configuration in a file of its own.
    package let report: ConfigurationReport
    /// What errors call the file.
    package let file: String
    /// The configuration that the plugins are part of: this one, or a file of their own.
    package let plugins: LoadedConfiguration
    /// Every value of the file of their own that the plugins have, if they have one.
    package let pluginReport: ConfigurationReport?

    let tree: ConfigurationNode

    /// What a fault that shows only when the value is used looks like to the one who wrote the file.
    ///
    /// - Parameters:
    ///   - dotted: The key, parts joined by dots ("listen.tls.keyfile").
    ///   - message: What is wrong and what to do.
    package func diagnostic(key dotted: String, message: String) -> ConfigurationDiagnostic {
        report.diagnostic(key: dotted, message: message, in: tree, of: file)
    }

    /// The faults of loading the plugins, as errors of the file that names them.
    package func error(for error: PluginLoadError) -> ConfigurationError {
        ConfigurationError(errors: plugins.error(for: error).errors, warnings: warnings)
    }
}
