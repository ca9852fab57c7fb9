// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

@Test func anEmptyServerHasTheDocumentedDefaults() {
    let attempt = Attempt("plugins: []")
    #expect(attempt.settings == PluginServerSettings())
    let grpc = GRPCServerSettings()
    #expect(grpc.host == "0.0.0.0" && grpc.port == 50_051 && grpc.maximumMessageSize == 16_777_216)
    #expect(grpc.requestTimeout == .seconds(30) && grpc.inlineLimit == 65_536)
    #expect(MCPServerSettings().host == "127.0.0.1" && MCPServerSettings().port == 8_000)
    #expect(UnixSocketServerSettings().socket.path == "/tmp/mcpgateway-plugins.sock")
    #expect(UnixSocketServerSettings().socket.mode == 0o600)
    #expect(ServerTLSSettings(certificateFile: "c", keyFile: "k").clientAuthentication == .require)
    #expect(ProcessSettings().gracePeriod == .seconds(10))
}

@Test func everyKeyOfEveryServerIsRead() throws {
    let folder = try TemporaryFolder()
    let settings = Attempt(
        """
        plugin_dirs: [plugins/native, /etc/plugins]
        plugin_settings:
          parallel_execution_within_band: true
          plugin_timeout: 120
          fail_on_plugin_error: yes
          enable_plugin_api: "true"
          plugin_health_check_interval: 1.5
          include_user_info: on
          max_payload_size: 0
          default_hook_policy: deny
          max_background_calls: 7
        gatehouse:
          transports: [unix]
          log_level: CRITICAL
          log_format: json
          grace_period: 0.5
          memory_budget: 1 GiB
          expose_config: full
          secret_keys: [pass_code]
          initialization_timeout: 5
          stall_limit: 0.1
          max_abandoned_calls: 3
        grpc_server_settings:
          uds: \(folder.path)/grpc.sock
          socket_mode: 0660
          socket_group: plugins
          max_message_size: 32 MiB
          max_connections: 1
          max_concurrent_streams: 2
          max_calls_in_flight: 3
          max_streaming_calls_per_connection: 16
          max_streaming_calls: 17
          request_timeout: 4
          answer_timeout: 5
          handshake_timeout: 6
          max_connection_idle: 0
          max_connection_age: 8
          keepalive_time: 0
          keepalive_timeout: 10
          max_header_list_size: 8 KiB
          stream_window_size: 65535
          connection_window_size: 65536
          max_rapid_resets: 14
          max_control_frames: 15
          inline_limit: 0
        server_settings: {host: 0.0.0.0, port: 9000, socket_mode: "600", socket_group: ~}
        unix_socket_server_settings:
          path: \(folder.path)/raw.sock
          socket_mode: 0o666
          socket_group: "7"
          allow_uids: [0, 1000]
          allow_gids: []
          max_message_size: 1 MiB
          max_connections: 20
          max_calls_in_flight: 21
          max_calls_per_connection: 22
          idle_timeout: 0
          request_timeout: 23
          answer_timeout: 24
          inline_limit: 25
        """
    ).settings
    var expected = PluginServerSettings()
    expected.pluginDirectories = ["plugins/native", "/etc/plugins"]
    expected.pipeline.runsPriorityInParallel = true
    expected.pipeline.pluginTimeout = .seconds(120)
    expected.pipeline.failsOnPluginError = true
    expected.pipeline.enablesPluginAPI = true
    expected.pipeline.healthCheckInterval = .milliseconds(1_500)
    expected.pipeline.includesUserInfo = true
    expected.pipeline.maximumPayloadSize = nil
    expected.pipeline.defaultHookPolicy = .deny
    expected.pipeline.maximumBackgroundCalls = 7
    expected.transports = [.unix]
    expected.process.logLevel = .critical
    expected.process.logFormat = .json
    expected.process.gracePeriod = .milliseconds(500)
    expected.process.memoryBudget = 1 << 30
    expected.process.exposesSecrets = true
    expected.process.secretKeys = ["pass_code"]
    expected.process.initializationTimeout = .seconds(5)
    expected.process.stallLimit = .milliseconds(100)
    expected.process.maximumAbandonedCalls = 3
    expected.grpc.socket = SocketFileSettings(path: "\(folder.path)/grpc.sock")
    expected.grpc.socket?.mode = 0o660
    expected.grpc.socket?.group = "plugins"
    expected.grpc.maximumMessageSize = 32 << 20
    expected.grpc.maximumConnections = 1
    expected.grpc.maximumConcurrentStreams = 2
    expected.grpc.maximumCallsInFlight = 3
    expected.grpc.maximumStreamingCallsPerConnection = 16
    expected.grpc.maximumStreamingCalls = 17
    expected.grpc.requestTimeout = .seconds(4)
    expected.grpc.answerTimeout = .seconds(5)
    expected.grpc.handshakeTimeout = .seconds(6)
    expected.grpc.maximumConnectionIdle = nil
    expected.grpc.maximumConnectionAge = .seconds(8)
    expected.grpc.keepaliveTime = nil
    expected.grpc.keepaliveTimeout = .seconds(10)
    expected.grpc.maximumHeaderListSize = 8_192
    expected.grpc.streamWindowSize = 65_535
    expected.grpc.connectionWindowSize = 65_536
    expected.grpc.maximumRapidResets = 14
    expected.grpc.maximumControlFrames = 15
    expected.grpc.inlineLimit = 0
    expected.mcp.host = "0.0.0.0"
    expected.mcp.port = 9_000
    expected.unixSocket.socket = SocketFileSettings(path: "\(folder.path)/raw.sock")
    expected.unixSocket.socket.mode = 0o666
    expected.unixSocket.socket.group = "7"
    expected.unixSocket.allowedUsers = [0, 1_000]
    expected.unixSocket.allowedGroups = []
    expected.unixSocket.maximumMessageSize = 1 << 20
    expected.unixSocket.maximumConnections = 20
    expected.unixSocket.maximumCallsInFlight = 21
    expected.unixSocket.maximumCallsPerConnection = 22
    expected.unixSocket.idleTimeout = nil
    expected.unixSocket.requestTimeout = .seconds(23)
    expected.unixSocket.answerTimeout = .seconds(24)
    expected.unixSocket.inlineLimit = 25
    #expect(settings == expected)
}

private let year = "give a number of seconds above 0 and up to 31536000"

@Test(arguments: [
    ("port: 65536", "port: \"65536\" is not a port number; give a whole number from 0 to 65535"),
    ("port: 1.5", "port: \"1.5\" is not a port number; give a whole number from 0 to 65535"),
    ("port: [1]", "port: is a list, not a port number; give a whole number from 0 to 65535"),
    ("port: {a: 1}", "port: is a mapping, not a port number; give a whole number from 0 to 65535"),
    ("port: true", "port: \"true\" is not a port number; give a whole number from 0 to 65535"),
    ("host: \"\"", "host: \"\" is not a name; give text that is not empty"),
    ("uds: ' '", "uds: \" \" is not a name; give text that is not empty"),
    ("uds: run/a.sock", "uds: \"run/a.sock\" is not absolute; give a path that begins with /"),
    (
        "uds: /nowhere/at/all/a.sock",
        "uds: the socket's folder \"/nowhere/at/all\" does not exist; create it, or give a path in another"
    ),
    (
        "uds: /etc/passwd/a.sock",
        "uds: the socket's folder \"/etc/passwd\" is no folder; create it, or give a path in another"
    ),
    (
        "uds: /\(String(repeating: "x", count: 107))",
        "uds: has 108 bytes; the path of a socket may have 107, give a shorter one"
    ),
    ("socket_mode: 0888", "socket_mode: \"0888\" is not a file mode; give three octal digits, such as 0660"),
    ("socket_mode: 01777", "socket_mode: \"01777\" is not a file mode; give three octal digits, such as 0660"),
    ("socket_mode: -660", "socket_mode: \"-660\" is not a file mode; give three octal digits, such as 0660"),
    (
        "max_message_size: 0",
        "max_message_size: \"0\" is not a size; give a number of bytes from 1 to 2147483647, or one like 16 MiB"
    ),
    (
        "max_message_size: 3 GiB",
        "max_message_size: \"3 GiB\" is not a size; give a number of bytes from 1 to 2147483647, or one like 16 MiB"
    ),
    (
        "max_message_size: 9223372036854775807 KiB",
        "max_message_size: \"9223372036854775807 KiB\" is not a size; "
            + "give a number of bytes from 1 to 2147483647, or one like 16 MiB"
    ),
    ("request_timeout: 0", "request_timeout: \"0\" is not a time; \(year)"),
    ("request_timeout: -1", "request_timeout: \"-1\" is not a time; \(year)"),
    ("request_timeout: .inf", "request_timeout: \".inf\" is not a time; \(year)"),
    ("request_timeout: .nan", "request_timeout: \".nan\" is not a time; \(year)"),
    ("request_timeout: 1e-300", "request_timeout: \"1e-300\" is not a time; \(year)"),
    ("request_timeout: 31536001", "request_timeout: \"31536001\" is not a time; \(year)"),
    ("request_timeout: soon", "request_timeout: \"soon\" is not a time; \(year)"),
    (
        "max_connection_age: -1",
        "max_connection_age: \"-1\" is not a time; give a number of seconds up to 31536000, or 0 for never"
    ),
    ("max_connections: 0", "max_connections: \"0\" is not a whole number; give a whole number from 1 to 10000000"),
    ("hots: x", "hots: unknown key; did you mean \"host\"?"),
    ("maxMessageSize: 1", "maxMessageSize: unknown key; did you mean \"max_message_size\"?"),
    ("tls: yes", "tls: is a boolean; give a mapping (`key: value`)"),
])
func valuesThatMakeNoSenseAreToldWithLineAndKey(line: String, error: String) {
    let attempt = Attempt("plugins: []\ngrpc_server_settings:\n  \(line)\n")
    #expect(attempt.errors.first == "server.yaml:3: grpc_server_settings.\(error)")
}

@Test func allThatIsWrongIsToldAtOnceInTheOrderOfTheFile() {
    let attempt = Attempt(
        """
        plugins:
          - name: a
            kind: k
            mode: enforced
        plugin_settings:
          plugin_timeout: fast
        grpc_server_setings:
          port: 1
        """, environment: ["PLUGINS_LOG_LEVEL": "loud"])
    #expect(
        attempt.errors == [
            "server.yaml:4: plugins[0].mode: \"enforced\" is not a mode; did you mean \"enforce\"? give enforce, "
                + "enforce_ignore_error, permissive, disabled, sequential, transform, audit, concurrent or fire_and_forget",
            "server.yaml:6: plugin_settings.plugin_timeout: \"fast\" is not a time; \(year)",
            "server.yaml:7: grpc_server_setings: unknown key; did you mean \"grpc_server_settings\"?",
            "PLUGINS_LOG_LEVEL: gatehouse.log_level: \"loud\" is not a log level; "
                + "give trace, debug, info, notice, warning, error or critical",
        ])
}

@Test func anUnknownKeyWithoutALikenessNamesTheKnownOnes() {
    let errors = Attempt("gatehouse: {x_y_z: 1}").errors
    #expect(
        errors == [
            "server.yaml:1: gatehouse.x_y_z: unknown key; known keys are expose_config, grace_period, grpc_client, "
                + "initialization_timeout, log_format, log_level, max_abandoned_calls, memory_budget, secret_keys, stall_limit, transports, "
                + "unix_socket_client"
        ])
}

@Test func lenientTurnsUnknownKeysIntoWarningsAndNothingElse() {
    let attempt = Attempt("extra: 1\nplugins: [{name: a, kind: k, nmae: b}]\n") { $0.overrides.lenient = true }
    #expect(attempt.errors == [])
    #expect(attempt.warnings.contains { $0.hasPrefix("server.yaml:1: extra: unknown key, ignored; known keys are") })
    #expect(attempt.warnings.contains("server.yaml:2: plugins[0].nmae: unknown key, ignored; did you mean \"name\"?"))
    let broken = Attempt("extra: 1\nplugin_settings: {plugin_timeout: x}\n") { $0.overrides.lenient = true }
    #expect(broken.errors.count == 1)
}

@Test(arguments: [
    ("0.0.0.0", true), ("::", true), ("10.1.2.3", true), ("127.0.0.1", false), ("localhost", false), ("::1", false),
])
func plainTextOnAnAddressOthersReachWarns(host: String, warns: Bool) {
    let attempt = Attempt("grpc_server_settings: {host: \"\(host)\"}")
    #expect(attempt.warnings.contains { $0.contains("is reachable from other machines") } == warns)
}

@Test func aSocketInAFolderThatEverybodyMayWriteToWarns() throws {
    let attempt = Attempt("grpc_server_settings: {uds: /tmp/a.sock}")
    #expect(attempt.warnings.count == 1)
    #expect(attempt.warnings.first?.hasPrefix("server.yaml:1: grpc_server_settings.uds: everybody may write") == true)
    let folder = try TemporaryFolder()
    #expect(Attempt("grpc_server_settings: {uds: \(folder.path)/a.sock}").warnings == [])
}

@Test func variablesThatNobodyReadsWarn() {
    let attempt = Attempt(
        "plugins: [{name: a, kind: k}]",
        environment: [
            "PLUGINS_GRPC_SERVER_PROT": "1", "PLUGINS_SERVER_COLOUR": "red", "PLUGINS_ENABLED": "false",
            "PLUGINS_HTTPX": "1",
            "GATEHOUSE_GRACE": "1",
        ])
    #expect(attempt.errors == [])
    let warnings = attempt.warnings.filter { !$0.contains("reachable") }
    #expect(warnings.count == 4)
    #expect(
        warnings.contains(
            "PLUGINS_GRPC_SERVER_PROT: is no variable that anything reads; did you mean PLUGINS_GRPC_SERVER_PORT?"))
    #expect(
        warnings.contains {
            $0.hasPrefix("PLUGINS_ENABLED: is false, but a server that has plugins configured (1) runs them")
        })
    #expect(Attempt("plugins: []", environment: ["PLUGINS_ENABLED": "maybe"]).errors.count == 1)
}

@Test func keysThatBeginWithXHoldAnchors() {
    let attempt = Attempt("x-common: &c {kind: k}\nplugins:\n  - {<<: *c, name: a}\n  - {name: b, kind: k, x-y: 1}\n")
    #expect(attempt.errors.count == 1)
    #expect(attempt.errors.first?.hasPrefix("server.yaml:4: plugins[1].x-y: unknown key") == true)
}

@Test func aMessageLimitAboveTheMemoryBudgetWarns() {
    let attempt = Attempt(
        "gatehouse: {memory_budget: 8 MiB}\ngrpc_server_settings: {host: '::1', max_message_size: 9 MiB}")
    #expect(attempt.warnings.count == 1)
    #expect(
        attempt.warnings.first?.hasPrefix(
            "server.yaml:2: grpc_server_settings.max_message_size: is above gatehouse.memory_budget")
            == true)
}

@Test func lineFeedsAndEscapesOfAFileAreNotPrinted() {
    let errors = Attempt("grpc_server_settings: {port: \"a\\nb\\e[2J\", \"x\\ny\": 1}").errors
    #expect(errors.count == 2)
    #expect(
        errors.first?.hasPrefix("server.yaml:1: grpc_server_settings.port: \"a\\nb\\u{1B}[2J\" is not a port number")
            == true, "\(errors)")
    #expect(errors.last?.hasPrefix("server.yaml:1: grpc_server_settings.x\\ny: unknown key") == true)
}

@Test func everyKeyOfTheGRPCClientIsRead() {
    let settings = Attempt(
        """
        gatehouse:
          grpc_client:
            connections: 2
            max_message_size: 3 MiB
            max_request_size: 4 MiB
            max_concurrent_streams: 5
            multiplexed_calls: false
            max_waiting_calls: 6
            connect_timeout: 8
            reconnect_delay: 0.09
            max_reconnect_delay: 10
            keepalive_time: 0
            keepalive_timeout: 12
            resolve_interval: 0
            max_header_list_size: 14 KiB
            stream_window_size: 15 MiB
            connection_window_size: 16 MiB
            max_control_frames: 17
            max_stream_faults: 18
            breaker_failures: 19
            breaker_error_percent: 20
            breaker_min_calls: 21
            breaker_window: 22
            breaker_probe_interval: 23
            breaker_probe_timeout: 24
        """
    ).settings?.grpcClient
    var expected = GRPCClientSettings()
    expected.connections = 2
    expected.maximumMessageSize = 3 << 20
    expected.maximumRequestSize = 4 << 20
    expected.maximumConcurrentStreams = 5
    expected.multiplexedCalls = false
    expected.maximumWaitingCalls = 6
    expected.connectTimeout = .seconds(8)
    expected.reconnectDelay = .milliseconds(90)
    expected.maximumReconnectDelay = .seconds(10)
    expected.keepaliveTime = nil
    expected.keepaliveTimeout = .seconds(12)
    expected.resolveInterval = nil
    expected.maximumHeaderListSize = 14 << 10
    expected.streamWindowSize = 15 << 20
    expected.connectionWindowSize = 16 << 20
    expected.maximumControlFrames = 17
    expected.maximumStreamFaults = 18
    expected.breakerFailures = 19
    expected.breakerErrorPercent = 20
    expected.breakerMinimumCalls = 21
    expected.breakerWindow = .seconds(22)
    expected.breakerProbeInterval = .seconds(23)
    expected.breakerProbeTimeout = .seconds(24)
    #expect(settings == expected)
    let bad = Attempt("gatehouse: {grpc_client: {breaker_error_percent: 0, conections: 1}}")
    #expect(bad.errors.count == 2)
}
