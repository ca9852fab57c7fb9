// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

/// One setting as each source can give it.
private struct Layered: Sendable, CustomTestStringConvertible {
    var key: String
    var file: String
    var variable: (String, String)
    var flag: (@Sendable (inout CommandLineOverrides) -> Void)?
    /// As reported: default, file, environment, command line.
    var expected: [String]

    var testDescription: String { key }
}

private let layered: [Layered] = [
    Layered(
        key: "grpc_server_settings.host", file: "grpc_server_settings: {host: 127.0.0.2}",
        variable: ("PLUGINS_GRPC_SERVER_HOST", "127.0.0.3"), flag: { $0.host = "127.0.0.4" },
        expected: [
            "\"0.0.0.0\" default", "\"127.0.0.2\" server.yaml:1", "\"127.0.0.3\" PLUGINS_GRPC_SERVER_HOST",
            "\"127.0.0.4\" --host",
        ]),
    Layered(
        key: "grpc_server_settings.port", file: "grpc_server_settings: {port: 1}",
        variable: ("PLUGINS_GRPC_SERVER_PORT", "2"), flag: { $0.port = "0" },
        expected: ["50051 default", "1 server.yaml:1", "2 PLUGINS_GRPC_SERVER_PORT", "0 --port"]),
    Layered(
        key: "grpc_server_settings.uds", file: "grpc_server_settings: {uds: /run/a}",
        variable: ("PLUGINS_GRPC_SERVER_UDS", "/run/b"), flag: { $0.uds = "/run/c" },
        expected: [
            "null default", "\"/run/a\" server.yaml:1", "\"/run/b\" PLUGINS_GRPC_SERVER_UDS", "\"/run/c\" --uds",
        ]),
    Layered(
        key: "server_settings.port", file: "server_settings: {port: 1}",
        variable: ("PLUGINS_SERVER_PORT", "2"), flag: nil,
        expected: ["8000 default", "1 server.yaml:1", "2 PLUGINS_SERVER_PORT"]),
    Layered(
        key: "plugin_settings.plugin_timeout", file: "plugin_settings: {plugin_timeout: 1}",
        variable: ("PLUGINS_PLUGIN_TIMEOUT", "2.5"), flag: nil,
        expected: ["30 default", "1 server.yaml:1", "2.5 PLUGINS_PLUGIN_TIMEOUT"]),
    Layered(
        key: "plugin_settings.default_hook_policy", file: "plugin_settings: {default_hook_policy: deny}",
        variable: ("PLUGINS_DEFAULT_HOOK_POLICY", "Allow"), flag: nil,
        expected: [
            "\"allow\" default", "\"deny\" server.yaml:1", "\"allow\" PLUGINS_DEFAULT_HOOK_POLICY",
        ]),
    Layered(
        key: "gatehouse.log_level", file: "gatehouse: {log_level: error}",
        variable: ("PLUGINS_LOG_LEVEL", "WARN"), flag: { $0.logLevel = "Debug" },
        expected: [
            "\"info\" default", "\"error\" server.yaml:1", "\"warning\" PLUGINS_LOG_LEVEL", "\"debug\" --log-level",
        ]),
    Layered(
        key: "gatehouse.log_format", file: "gatehouse: {log_format: json}",
        variable: ("GATEHOUSE_LOG_FORMAT", "text"), flag: { $0.logFormat = "json" },
        expected: [
            "\"text\" default", "\"json\" server.yaml:1", "\"text\" GATEHOUSE_LOG_FORMAT", "\"json\" --log-format",
        ]),
    Layered(
        key: "gatehouse.grace_period", file: "gatehouse: {grace_period: 1}",
        variable: ("GATEHOUSE_GRACE_PERIOD", "2"), flag: { $0.grace = "0" },
        expected: ["10 default", "1 server.yaml:1", "2 GATEHOUSE_GRACE_PERIOD", "0 --grace"]),
    Layered(
        key: "gatehouse.transports", file: "gatehouse: {transports: [http, grpc]}",
        variable: ("PLUGINS_TRANSPORT", "unix"), flag: { $0.transport = "stdio" },
        expected: [
            "[\"grpc\"] default", "[\"http\",\"grpc\"] server.yaml:1", "[\"unix\"] PLUGINS_TRANSPORT",
            "[\"stdio\"] --transport",
        ]),
    Layered(
        key: "unix_socket_server_settings.path", file: "unix_socket_server_settings: {path: /run/a}",
        variable: ("PLUGINS_UNIX_SOCKET_PATH", "/run/b"), flag: nil,
        expected: [
            "\"/tmp/mcpgateway-plugins.sock\" default", "\"/run/a\" server.yaml:1",
            "\"/run/b\" PLUGINS_UNIX_SOCKET_PATH",
        ]),
]

@Test(arguments: layered)
private func commandLineBeatsEnvironmentBeatsFileBeatsDefault(setting: Layered) {
    for sources in 0..<8 {
        let (file, variable, flag) = (sources & 1 != 0, sources & 2 != 0, sources & 4 != 0)
        guard !flag || setting.flag != nil else { continue }
        let attempt = Attempt(
            file ? setting.file : "plugins: []",
            environment: variable ? [setting.variable.0: setting.variable.1] : [:]
        ) { loader in
            if flag { setting.flag?(&loader.overrides) }
        }
        #expect(attempt.errors == [])
        let winner = flag ? 3 : variable ? 2 : file ? 1 : 0
        #expect(attempt.reported(setting.key) == setting.expected[winner], "sources \(sources)")
    }
}

@Test func anEmptyVariableIsUnset() {
    let attempt = Attempt(
        "grpc_server_settings: {port: 1}",
        environment: ["PLUGINS_GRPC_SERVER_PORT": "", "PLUGINS_GRPC_SERVER_SSL_ENABLED": "", "PLUGINS_TRANSPORT": ""])
    #expect(attempt.errors == [])
    #expect(attempt.reported("grpc_server_settings.port") == "1 server.yaml:1")
}

@Test func variablesMixIntoAFilesSectionKeyByKey() {
    let attempt = Attempt(
        "grpc_server_settings:\n  host: 127.0.0.1\n  max_message_size: 1 MiB\n",
        environment: ["PLUGINS_GRPC_SERVER_PORT": "7"])
    #expect(attempt.settings?.grpc.host == "127.0.0.1")
    #expect(attempt.settings?.grpc.port == 7)
    #expect(attempt.settings?.grpc.maximumMessageSize == 1 << 20)
}

@Test func ofHostAndSocketTheHigherSourceCounts() {
    let file = "grpc_server_settings: {uds: /run/a}"
    let overridden = Attempt(file) { $0.overrides.port = "5000" }
    #expect(overridden.settings?.grpc.socket == nil)
    #expect(overridden.settings?.grpc.port == 5000)
    #expect(
        overridden.warnings.contains {
            $0.hasPrefix("--port: grpc_server_settings.uds: the socket \"/run/a\" (server.yaml:1) is overridden")
        })

    let byVariable = Attempt(
        "grpc_server_settings: {host: 127.0.0.1}", environment: ["PLUGINS_GRPC_SERVER_UDS": "/run/b"])
    #expect(byVariable.settings?.grpc.socket?.path == "/run/b")

    let both = Attempt("grpc_server_settings: {host: 127.0.0.1, uds: /run/a}")
    #expect(both.settings?.grpc.socket?.path == "/run/a")
    #expect(both.warnings.contains { $0.contains("host and port have no effect beside a socket") })

    let flags = Attempt("plugins: []") {
        $0.overrides.port = "1"
        $0.overrides.uds = "/run/a"
    }
    #expect(flags.errors == ["--port: grpc_server_settings.uds: does not go with --uds; give one of the two"])
}

@Test func flagsAreForTheServerOfTheChosenTransport() {
    let http = Attempt("plugins: []", environment: ["PLUGINS_TRANSPORT": "http"]) { $0.overrides.port = "9" }
    #expect(http.settings?.mcp.port == 9)
    #expect(http.settings?.grpc.port == 50_051)
    let unix = Attempt("plugins: []") {
        $0.overrides.transport = "unix"
        $0.overrides.uds = "/run/x"
    }
    #expect(unix.settings?.unixSocket.socket.path == "/run/x")
    let wrong = Attempt("plugins: []") {
        $0.overrides.transport = "unix"
        $0.overrides.port = "1"
        $0.overrides.tls = true
    }
    #expect(
        wrong.errors == [
            "--port: has no meaning with the transport unix; use --uds",
            "--tls: has no meaning with the transport unix; use --uds",
        ])
    let stdio = Attempt("gatehouse: {transports: stdio}") { $0.overrides.host = "x" }
    #expect(stdio.errors == ["--host: has no meaning with the transport stdio; remove it"])
}

@Test func withSeveralTransportsAFlagIsForTheOneThatAloneTakesIt() {
    let clear = Attempt("plugins: []") {
        $0.overrides.transport = "grpc, stdio"
        $0.overrides.port = "9"
    }
    #expect(clear.settings?.transports == [.grpc, .stdio])
    #expect(clear.settings?.grpc.port == 9)
    let ambiguous = Attempt("gatehouse: {transports: [grpc, unix, http]}") {
        $0.overrides.port = "9"
        $0.overrides.uds = "/run/x"
    }
    #expect(
        ambiguous.errors == [
            "--port: could be for grpc and http, which are served side by side; say it in grpc_server_settings or "
                + "PLUGINS_GRPC_SERVER_PORT, server_settings or PLUGINS_SERVER_PORT instead",
            "--uds: could be for grpc and unix and http, which are served side by side; say it in grpc_server_settings or "
                + "PLUGINS_GRPC_SERVER_UDS, unix_socket_server_settings or PLUGINS_UNIX_SOCKET_PATH, "
                + "server_settings or PLUGINS_SERVER_UDS instead",
        ])
}

@Test func anUnknownTransportNamesTheKnownOnes() {
    let attempt = Attempt("plugins: []", environment: ["PLUGINS_TRANSPORT": "grpc,htp"])
    #expect(
        attempt.errors == [
            "PLUGINS_TRANSPORT: gatehouse.transports: \"grpc,htp\" is not a transport; give grpc, http, stdio or unix"
        ])
}

@Test func aTransportThatIsNotServedIsRefused() {
    let attempt = Attempt("plugins: []", environment: ["PLUGINS_TRANSPORT": "http"]) { $0.transports = [.grpc] }
    #expect(attempt.errors == ["PLUGINS_TRANSPORT: gatehouse.transports: http is not served here; give grpc"])
}

@Test func everySourceIsCheckedEvenWhenAnotherWins() {
    let attempt = Attempt(
        "grpc_server_settings:\n  port: abc\n", environment: ["PLUGINS_GRPC_SERVER_PORT": "70000"]
    ) { $0.overrides.port = "-1" }
    let advice = "give a whole number from 0 to 65535"
    #expect(
        attempt.errors == [
            "server.yaml:2: grpc_server_settings.port: \"abc\" is not a port number; \(advice)",
            "PLUGINS_GRPC_SERVER_PORT: grpc_server_settings.port: \"70000\" is not a port number; \(advice)",
            "--port: grpc_server_settings.port: \"-1\" is not a port number; \(advice)",
        ])
}
