// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

/// Every variable that concerns a server, with a value that it takes; `FILE` stands for a file that exists.
private let variables: [(name: String, value: String)] = [
    ("PLUGINS_TRANSPORT", "http"), ("PLUGINS_PLUGIN_TIMEOUT", "7"), ("PLUGINS_LOG_LEVEL", "DEBUG"),
    ("PLUGINS_DEFAULT_HOOK_POLICY", "deny"),
    ("PLUGINS_GRPC_SERVER_HOST", "127.0.0.1"), ("PLUGINS_GRPC_SERVER_PORT", "7"), ("PLUGINS_GRPC_SERVER_UDS", "/run/g"),
    ("PLUGINS_GRPC_SERVER_SSL_ENABLED", "1"), ("PLUGINS_GRPC_SERVER_SSL_CERTFILE", "FILE"),
    ("PLUGINS_GRPC_SERVER_SSL_KEYFILE", "FILE"), ("PLUGINS_GRPC_SERVER_SSL_KEYFILE_PASSWORD", "pw"),
    ("PLUGINS_GRPC_SERVER_SSL_CA_CERTS", "FILE"), ("PLUGINS_GRPC_SERVER_SSL_CLIENT_AUTH", "optional"),
    ("PLUGINS_SERVER_HOST", "h"), ("PLUGINS_SERVER_PORT", "7"), ("PLUGINS_SERVER_UDS", "/run/m"),
    ("PLUGINS_SERVER_SSL_ENABLED", "yes"), ("PLUGINS_SERVER_SSL_CERTFILE", "FILE"),
    ("PLUGINS_SERVER_SSL_KEYFILE", "FILE"),
    ("PLUGINS_SERVER_SSL_KEYFILE_PASSWORD", "pw"), ("PLUGINS_SERVER_SSL_CA_CERTS", "FILE"),
    ("PLUGINS_SERVER_SSL_CERT_REQS", "1"),
    ("PLUGINS_GRPC_CLIENT_MTLS_VERIFY", "false"), ("PLUGINS_GRPC_CLIENT_MTLS_CA_BUNDLE", "FILE"),
    ("PLUGINS_GRPC_CLIENT_MTLS_CERTFILE", "FILE"), ("PLUGINS_GRPC_CLIENT_MTLS_KEYFILE", "FILE"),
    ("PLUGINS_GRPC_CLIENT_MTLS_KEYFILE_PASSWORD", "pw"),
    ("PLUGINS_CLIENT_MTLS_VERIFY", "false"), ("PLUGINS_CLIENT_MTLS_CHECK_HOSTNAME", "false"),
    ("PLUGINS_CLIENT_MTLS_CA_BUNDLE", "FILE"), ("PLUGINS_CLIENT_MTLS_CERTFILE", "FILE"),
    ("PLUGINS_CLIENT_MTLS_KEYFILE", "FILE"),
    ("PLUGINS_CLIENT_MTLS_KEYFILE_PASSWORD", "pw"),
    ("PLUGINS_UNIX_SOCKET_PATH", "/run/u"), ("UNIX_SOCKET_PATH", "/run/u"),
    ("GATEHOUSE_LOG_FORMAT", "json"), ("GATEHOUSE_GRACE_PERIOD", "1"), ("GATEHOUSE_MEMORY_BUDGET", "1 GiB"),
    ("GATEHOUSE_EXPOSE_CONFIG", "full"),
]

/// A file with a `tls` block for both servers, so that one variable of it alone makes a whole.
private func yaml(_ file: String) -> String {
    """
    plugins:
      - {name: a, kind: external, grpc: {target: "h:1"}}
      - {name: b, kind: external, mcp: {proto: STREAMABLEHTTP, url: "https://h/"}}
    grpc_server_settings: {tls: {certfile: \(file), keyfile: \(file), ca_bundle: \(file)}}
    server_settings: {tls: {certfile: \(file), keyfile: \(file), ca_bundle: \(file)}}
    """
}

@Test func everyVariableIsRead() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("pem")
    for (name, value) in variables {
        var environment = [name: value == "FILE" ? file : value]
        // A key needs its certificate; a socket goes without TLS.
        if name.hasSuffix("MTLS_KEYFILE") { environment[name.replacing("KEYFILE", with: "CERTFILE")] = file }
        if name.hasSuffix("_UDS") { environment[name.replacing("UDS", with: "SSL_ENABLED")] = "false" }
        let attempt = Attempt(yaml(file), environment: environment)
        #expect(attempt.errors == [], "\(name)")
        #expect(attempt.loaded?.report.settings.contains { $0.source == .environment(name) } == true, "\(name)")
    }
    let tested = Set(variables.map(\.name))
    #expect(EnvironmentCheck.known.allSatisfy { tested.contains($0) })
}

@Test func everyVariableWithAnOrderOfItsOwnIsChecked() {
    for name in [
        "PLUGINS_TRANSPORT", "PLUGINS_PLUGIN_TIMEOUT", "PLUGINS_LOG_LEVEL", "PLUGINS_GRPC_SERVER_PORT",
        "PLUGINS_SERVER_PORT",
        "PLUGINS_GRPC_SERVER_SSL_ENABLED", "PLUGINS_GRPC_SERVER_SSL_CLIENT_AUTH", "PLUGINS_SERVER_SSL_ENABLED",
        "PLUGINS_SERVER_SSL_CERT_REQS", "GATEHOUSE_LOG_FORMAT", "GATEHOUSE_GRACE_PERIOD", "GATEHOUSE_MEMORY_BUDGET",
        "GATEHOUSE_EXPOSE_CONFIG", "PLUGINS_ENABLED",
    ] {
        let errors = Attempt("plugins: []", environment: [name: "nonsense"]).errors
        #expect(
            errors.count == 1 && errors[0].hasPrefix("\(name): ") && errors[0].contains("\"nonsense\" is not"),
            "\(name) \(errors)")
    }
}

@Test func ofTheTwoNamesOfTheSocketsVariableTheLongerCounts() {
    let attempt = Attempt(
        "plugins: []", environment: ["UNIX_SOCKET_PATH": "/run/short", "PLUGINS_UNIX_SOCKET_PATH": "/run/long"])
    #expect(attempt.settings?.unixSocket.socket.path == "/run/long")
}
