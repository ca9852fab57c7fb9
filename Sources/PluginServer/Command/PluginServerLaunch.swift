// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import Logging
package import PluginConfiguration
package import PluginFramework

/// From flags to a running plugin server.
package enum PluginServerLaunch {
    /// Loads the configuration that the flags, the environment and the file make, and serves it.
    ///
    /// - Parameters:
    ///   - text: A configuration to use in place of the file, with the name that errors call it.
    /// - Throws: `ExitCode` unless the server was asked to end and drained.
    package static func run(
        _ options: PluginServerOptions, registry: PluginRegistry, text: (yaml: String, name: String)? = nil
    ) async throws {
        let configuration: LoadedConfiguration
        do throws(ConfigurationError) {
            let loader = loader(options.overrides, registry: registry)
            configuration = if let text { try loader.load(text: text.yaml, name: text.name) } else { try loader.load() }
        } catch {
            for diagnostic in error.warnings { StandardStream.error.print("warning: \(diagnostic)") }
            for diagnostic in error.errors { StandardStream.error.print("\(diagnostic)") }
            throw ExitCode(ExitStatus.configuration)
        }
        LoggingSystem.bootstrap(StderrLogHandler.factory(configuration.settings.process))
        let status = await PluginServerProcess(configuration: configuration, registry: registry).run()
        guard status == ExitStatus.success else { throw ExitCode(status) }
    }

    /// A loader that knows the plugins of a registry.
    package static func loader(_ overrides: CommandLineOverrides, registry: PluginRegistry) -> ConfigurationLoader {
        var loader = ConfigurationLoader(environment: environment, overrides: overrides)
        loader.kinds = registry.kinds
        // Plugins may have hooks of their own: the host knows, once it has made them.
        loader.customHooks = nil
        loader.transports = ServedTransports.available
        return loader
    }

    /// The variables of the process; of those that occur twice, the first counts, as for getenv.
    package static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let separator = text.firstIndex(of: "=") {
                let name = String(text[..<separator])
                if variables[name] == nil { variables[name] = String(text[text.index(after: separator)...]) }
            }
            next += 1
        }
        return variables
    }
}
