// SPDX-License-Identifier: Apache-2.0

/// What a server's command line says about its configuration; nil is what it does not say.
package struct CommandLineOverrides: Sendable, Equatable {
    /// `--config`: the configuration file.
    package var config: String?
    /// `--transport`: grpc, http, stdio or unix; several are separated by commas.
    package var transport: String?
    /// `--host`: where the server of the transport that takes it listens.
    package var host: String?
    /// `--port`: where the server of the transport that takes it listens.
    package var port: String?
    /// `--uds`: the Unix socket that the server of the transport that takes it listens on.
    package var uds: String?
    /// `--tls`: whether the server of the transport that takes it speaks TLS.
    package var tls: Bool?
    /// `--log-level`.
    package var logLevel: String?
    /// `--log-format`: text or json.
    package var logFormat: String?
    /// `--grace`: how many seconds calls in flight may go on at the end.
    package var grace: String?
    /// `--plugins`: the plugin configuration of a gateway.
    package var plugins: String?
    /// `--insecure`: a gateway may listen beyond this machine without authentication.
    package var insecure = false
    /// `--lenient`: unknown keys are warnings.
    package var lenient = false

    /// Makes overrides that say nothing.
    package init() {}
}
