// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

private func external(_ section: String, environment: [String: String] = [:]) -> Attempt {
    Attempt("plugins:\n  - name: a\n    kind: external\n    \(section)\n", environment: environment)
}

@Test func theKeysOfAnExternalEntryAreRemembered() {
    let attempt = external("grpc: {target: 'plugins:50051'}\n    mode: enforce\n    tags: []")
    #expect(attempt.settings?.plugins.first?.configuredKeys == ["name", "kind", "grpc", "mode", "tags"])
    #expect(Attempt("plugins: [{name: a, kind: b, mode: enforce}]").settings?.plugins.first?.configuredKeys == [])
}

@Test func grpcTargetsAreReadInFull() throws {
    let folder = try TemporaryFolder()
    let ca = try folder.file("ca.pem")
    let certificate = try folder.file("client.pem")
    let key = try folder.file("client.key")
    let attempt = external(
        "grpc: {target: 'plugins.example.com:50051', tls: {verify: false, ca_bundle: \(ca), certfile: \(certificate), keyfile: \(key), keyfile_password: pw}}"
    )
    #expect(attempt.errors == [])
    var target = ExternalPluginSettings.GRPCTarget()
    target.target = "plugins.example.com:50051"
    var tls = ClientTLSSettings()
    tls.verify = false
    tls.caBundle = ca
    tls.certificateFile = certificate
    tls.keyFile = key
    tls.keyFilePassword = "pw"
    target.tls = tls
    #expect(attempt.settings?.plugins.first?.external == .grpc(target))

    var socket = ExternalPluginSettings.GRPCTarget()
    socket.uds = "\(folder.path)/p.sock"
    #expect(external("grpc: {uds: \(folder.path)/p.sock}").settings?.plugins.first?.external == .grpc(socket))
}

@Test func socketTargetsAreReadInFull() throws {
    let folder = try TemporaryFolder()
    var target = ExternalPluginSettings.UnixSocketTarget(path: "\(folder.path)/p.sock")
    #expect(external("unix_socket: {path: \(target.path)}").settings?.plugins.first?.external == .unixSocket(target))
    target.timeout = .milliseconds(1_500)
    target.reconnectAttempts = 0
    target.reconnectDelay = .zero
    let attempt = external(
        "unix_socket: {path: \(target.path), timeout: 1.5, reconnect_attempts: 0, reconnect_delay: 0}")
    #expect(attempt.settings?.plugins.first?.external == .unixSocket(target))
}

@Test func mcpTargetsAreReadInFull() throws {
    let folder = try TemporaryFolder()
    var http = ExternalPluginSettings.MCPTarget(transport: .streamableHTTP)
    http.url = "https://127.0.0.1:8000/mcp"
    var tls = ClientTLSSettings()
    tls.checkHostname = false
    http.tls = tls
    http.reconnectAttempts = 9
    let attempt = external(
        "mcp: {proto: STREAMABLEHTTP, url: 'https://127.0.0.1:8000/mcp', reconnect_attempts: 9, tls: {check_hostname: false}}"
    )
    #expect(attempt.errors == [])
    #expect(attempt.settings?.plugins.first?.external == .mcp(http))

    var stdio = ExternalPluginSettings.MCPTarget(transport: .stdio)
    stdio.command = ["python", "-m", "server"]
    stdio.environment = ["A": "1", "B": "two"]
    stdio.workingDirectory = folder.path
    let process = external("mcp: {proto: STDIO, cmd: [python, -m, server], env: {A: 1, B: two}, cwd: \(folder.path)}")
    #expect(process.errors == [])
    #expect(process.settings?.plugins.first?.external == .mcp(stdio))
}

@Test(
    arguments: [
        (
            "tags: [x]",
            "plugins[0]: an external plugin says not where it runs; give exactly one of grpc, unix_socket and mcp", 2
        ),
        (
            "grpc: {target: 'h:1'}\n    unix_socket: {path: /run/x}",
            "plugins[0]: an external plugin has grpc and unix_socket; give exactly one of grpc, unix_socket and mcp", 2
        ),
        ("grpc: {}", "plugins[0].grpc: has neither target nor uds; give one", 4),
        ("grpc: {target: 'h:1', uds: /run/x}", "plugins[0].grpc: has both target and uds; keep one", 4),
        (
            "grpc: {target: host}",
            "plugins[0].grpc.target: \"host\" is not a gRPC target; give host:port, such as plugins.example.com:50051",
            4
        ),
        (
            "grpc: {target: 'h:0'}",
            "plugins[0].grpc.target: \"h:0\" is not a gRPC target; give host:port, such as plugins.example.com:50051", 4
        ),
        (
            "grpc: {target: ':1'}",
            "plugins[0].grpc.target: \":1\" is not a gRPC target; give host:port, such as plugins.example.com:50051", 4
        ),
        ("grpc: {uds: run/x}", "plugins[0].grpc.uds: \"run/x\" is not absolute; give a path that begins with /", 4),
        (
            "grpc: {uds: /run/x, tls: {}}",
            "plugins[0].grpc.tls: TLS does not go with a Unix socket; remove tls or uds", 4
        ),
        (
            "grpc: {target: 'h:1', tls: {ca_bundle: /no/ca}}",
            "plugins[0].grpc.tls.ca_bundle: \"/no/ca\" does not exist; give the path of a readable file (PEM)", 4
        ),
        (
            "grpc: {target: 'h:1', tls: {keyfile: /etc/passwd}}",
            "plugins[0].grpc.tls.keyfile: needs certfile beside it; give the certificate of this key", 4
        ),
        (
            "grpc: {target: 'h:1', tls: {colour: blue}}",
            "plugins[0].grpc.tls.colour: unknown key; known keys are ca_bundle, certfile, check_hostname, keyfile, keyfile_password, server_name, verify",
            4
        ),
        ("unix_socket: {}", "plugins[0].unix_socket.path: is missing; give the path of the plugin server's socket", 4),
        ("mcp: {url: 'http://h/mcp'}", "plugins[0].mcp.proto: is missing; give STREAMABLEHTTP or STDIO", 4),
        (
            "mcp: {proto: SSE, url: 'http://h/sse'}",
            "plugins[0].mcp.proto: SSE is a transport that MCP gave up and nothing here speaks; give STREAMABLEHTTP, "
                + "and the server's /mcp URL", 4
        ),
        (
            "mcp: {proto: HTTP, url: 'http://h/'}",
            "plugins[0].mcp.proto: \"HTTP\" is not a transport of MCP; give STREAMABLEHTTP or STDIO", 4
        ),
        (
            "mcp: {proto: StreamableHTTP, url: 'http://h/'}",
            "plugins[0].mcp.proto: \"StreamableHTTP\" is not a transport of MCP; did you mean \"STREAMABLEHTTP\"? give STREAMABLEHTTP or STDIO",
            4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP}",
            "plugins[0].mcp.url: is missing, and STREAMABLEHTTP needs it; give http://host:port/mcp", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'ftp://h/'}",
            "plugins[0].mcp.url: \"ftp://h/\" is not a URL of HTTP; give http://host:port/mcp or https://…", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'http:///mcp'}",
            "plugins[0].mcp.url: \"http:///mcp\" is not a URL of HTTP; give http://host:port/mcp or https://…", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'http://h/', script: x.py}",
            "plugins[0].mcp.script: is only for proto: STDIO; remove it, or change proto", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'http://h/', cmd: [x]}",
            "plugins[0].mcp.cmd: is only for proto: STDIO; remove it, or change proto", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'http://h/', uds: /run/x, tls: {}}",
            "plugins[0].mcp.tls: TLS does not go with a Unix socket; remove tls or uds", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'http://h/', tls: {}}",
            "plugins[0].mcp.tls: needs a URL with https://, and this one is in plain text; change one of them", 4
        ),
        (
            "mcp: {proto: STREAMABLEHTTP, url: 'https://h/', uds: /run/x}",
            "plugins[0].mcp.url: TLS does not go with a Unix socket; write http://, or remove uds", 4
        ),
        (
            "mcp: {proto: STDIO, cmd: [x], url: 'http://h/'}",
            "plugins[0].mcp.url: is only for proto: STREAMABLEHTTP; remove it, or change proto", 4
        ),
        ("mcp: {proto: STDIO}", "plugins[0].mcp: has neither script nor cmd; give one of them", 4),
        ("mcp: {proto: STDIO, cmd: [x], script: x.py}", "plugins[0].mcp: has both script and cmd; keep one", 4),
        ("mcp: {proto: STDIO, cmd: []}", "plugins[0].mcp.cmd: is empty; give the program and its arguments", 4),
        ("mcp: {proto: STDIO, cmd: [x, ' ']}", "plugins[0].mcp.cmd: has an empty element; remove it", 4),
        (
            "mcp: {proto: STDIO, script: /no/x.py}",
            "plugins[0].mcp.script: \"/no/x.py\" does not exist; give the path of the server's script", 4
        ),
        (
            "mcp: {proto: STDIO, script: /etc/passwd}",
            "plugins[0].mcp.script: \"/etc/passwd\" may not be run; make it executable (chmod +x)", 4
        ),
        (
            "mcp: {proto: STDIO, cmd: [x], cwd: /no/folder}",
            "plugins[0].mcp.cwd: \"/no/folder\" does not exist; give the folder to run the server in", 4
        ),
        (
            "mcp: {proto: STDIO, cmd: [x], env: {}}",
            "plugins[0].mcp.env: is not a mapping with variables; give NAME: value, or remove it", 4
        ),
        (
            "mcp: {proto: STDIO, cmd: [x], env: {A: [1]}}",
            "plugins[0].mcp.env.A: is no variable with text; give NAME: \"value\"", 4
        ),
    ] as [(String, String, Int)])
func faultsOfAnExternalEntryAreTold(section: String, error: String, line: Int) {
    let errors = external(section).errors
    #expect(errors.contains("server.yaml:\(line): \(error)"), "\(errors)")
}

@Test func clientVariablesAreDefaultsAndNeverMixIntoABlock() throws {
    let folder = try TemporaryFolder()
    let ca = try folder.file("ca.pem")
    let environment = [
        "PLUGINS_GRPC_CLIENT_MTLS_CA_BUNDLE": ca, "PLUGINS_GRPC_CLIENT_MTLS_VERIFY": "false",
        "PLUGINS_CLIENT_MTLS_CHECK_HOSTNAME": "0", "PLUGINS_CLIENT_MTLS_CA_BUNDLE": ca,
        "PLUGINS_CLIENT_MTLS_KEYFILE_PASSWORD": "pw",
    ]
    func tls(_ section: String) -> ClientTLSSettings? {
        switch external(section, environment: environment).settings?.plugins.first?.external {
        case .grpc(let target): target.tls
        case .mcp(let target): target.tls
        default: nil
        }
    }
    #expect(tls("grpc: {target: 'h:1'}")?.caBundle == ca)
    #expect(tls("grpc: {target: 'h:1'}")?.verify == false)
    #expect(tls("grpc: {target: 'h:1', tls: {verify: true}}") == ClientTLSSettings())
    #expect(tls("grpc: {uds: /run/x}") == nil)
    #expect(tls("mcp: {proto: STREAMABLEHTTP, url: 'https://h/'}")?.checkHostname == false)
    #expect(tls("mcp: {proto: STREAMABLEHTTP, url: 'https://h/'}")?.keyFilePassword == "pw")
    #expect(tls("mcp: {proto: STREAMABLEHTTP, url: 'http://h/'}") == nil)
}

@Test func transportsOfAPluginThatIsNotExternalWarn() {
    let attempt = Attempt("plugins: [{name: a, kind: k, grpc: {target: 'h:1'}}]")
    #expect(attempt.errors == [])
    #expect(attempt.warnings.contains { $0.hasPrefix("server.yaml:1: plugins[0].grpc: has no effect, because") })
}
