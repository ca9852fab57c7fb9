// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
internal import Values

/// What `gatehouse config` does, without the parsing of its arguments and the printing.
package struct ConfigurationCommand {
    /// What a command has to say.
    package struct Outcome: Sendable, Equatable {
        /// For standard output; ends with a line feed unless empty.
        package var output = ""
        /// For standard error; ends with a line feed unless empty.
        package var errors = ""
        /// One of ``ExitStatus``.
        package var status = ExitStatus.success
    }

    /// How `config show` writes.
    package enum Format: String, Sendable, CaseIterable {
        /// Columns for people.
        case text
        /// One JSON object.
        case json
    }

    private let loader: ConfigurationLoader
    private let verify: (LoadedConfiguration) -> PluginLoadError?

    /// Makes a command.
    ///
    /// - Parameters:
    ///   - loader: Knows the file, the environment, and the kinds that can be loaded.
    ///   - verify: What only the plugins themselves can tell: the faults of their settings.
    package init(
        _ loader: ConfigurationLoader, verify: @escaping (LoadedConfiguration) -> PluginLoadError? = { _ in nil }
    ) {
        self.loader = loader
        self.verify = verify
    }

    /// `gatehouse config check FILE`: everything that is wrong, or one line that says that nothing is.
    package func check() -> Outcome {
        run { loaded in
            let plugins = loaded.settings.plugins
            let enabled = plugins.count { $0.isEnabled }
            return "\(loaded.file): in order: \(plugins.count) plugins, \(enabled) of them enabled; "
                + "serves \(Self.address(loaded.settings))\n"
        }
    }

    /// `gatehouse config show`: every value and its source, secrets masked.
    package func show(_ format: Format = .text) -> Outcome {
        run { loaded in
            switch format {
            case .text: loaded.report.table
            case .json: loaded.report.json.jsonText + "\n"
            }
        }
    }

    private func run(_ body: (LoadedConfiguration) -> String) -> Outcome {
        var outcome = Outcome()
        do throws(ConfigurationError) {
            let loaded = try loader.load()
            outcome.errors = Self.lines(loaded.warnings, prefix: "warning: ")
            if let error = verify(loaded) { throw loaded.error(for: error) }
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

    private static func address(_ settings: PluginServerSettings) -> String {
        settings.transports.map { address($0, settings) }.joined(separator: ", ")
    }

    private static func address(_ transport: PluginServerTransport, _ settings: PluginServerSettings) -> String {
        func tcp(_ host: String, _ port: Int, _ socket: SocketFileSettings?, _ tls: ServerTLSSettings?) -> String {
            if let socket { return "unix:\(socket.path)" }
            let host = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
            return "\(host):\(port)" + (tls == nil ? " without TLS" : " with TLS")
        }
        switch transport {
        case .grpc:
            let server = settings.grpc
            return "gRPC on " + tcp(server.host, server.port, server.socket, server.tls)
        case .http:
            let server = settings.mcp
            return "MCP on " + tcp(server.host, server.port, server.socket, server.tls)
        case .unix: return "frames on unix:\(settings.unixSocket.socket.path)"
        case .stdio: return "MCP on standard input and output"
        }
    }
}
