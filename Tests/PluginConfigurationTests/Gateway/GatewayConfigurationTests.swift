// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

/// One try at loading a gateway's configuration called `gateway.yaml`, and all that came of it.
struct GatewayAttempt {
    var loaded: LoadedGatewayConfiguration?
    var errors: [String] = []
    var warnings: [String] = []

    init(
        _ yaml: String, environment: [String: String] = [:],
        adjusting adjust: (inout GatewayConfigurationLoader) -> Void = { _ in }
    ) {
        var loader = GatewayConfigurationLoader(environment: environment)
        adjust(&loader)
        do throws(ConfigurationError) {
            loaded = try loader.load(text: yaml, name: "gateway.yaml")
            warnings = loaded?.warnings.map(\.description) ?? []
        } catch {
            errors = error.errors.map(\.description)
            warnings = error.warnings.map(\.description)
        }
    }

    var settings: GatewaySettings? { loaded?.settings }
}

@Suite("Configuration of a gateway")
struct GatewayConfigurationTests {
    @Test("What MCP clients have as mcp.json is read as it is")
    func readsClientFormat() throws {
        let attempt = GatewayAttempt(
            """
            {"mcpServers": {
              "time": {"command": "uvx", "args": ["mcp-server-time"], "env": {"TZ": "UTC"}},
              "web": {"type": "http", "url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "Bearer x"}}}}
            """)
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        var command = UpstreamCommand(program: "uvx")
        command.arguments = ["mcp-server-time"]
        command.environment = ["TZ": "UTC"]
        var address = UpstreamAddress(url: "http://127.0.0.1:9/mcp")
        address.transport = .streamable
        address.headers = [.init(name: "Authorization", value: "Bearer x")]
        #expect(settings.upstreams.map(\.target) == [.command(command), .http(address)])
        #expect(settings.upstreams.map(\.prefix) == ["time", "web"])
        #expect(settings.listen == GatewayListenSettings())
        let shown = try #require(attempt.loaded).report.table
        #expect(!shown.contains("Bearer x"), "a header with credentials is not shown")
    }

    @Test("The type of a server with a url says how it is spoken to")
    func readsTransports() throws {
        let attempt = GatewayAttempt(
            """
            mcpServers:
              a: {url: "http://h/a"}
              b: {url: "http://h/b", type: streamable-http}
              c: {url: "http://h/c", type: sse}
              d: {url: "http://h/d", transport: SSE}
            """)
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        let transports = settings.upstreams.map { upstream -> UpstreamAddress.Transport? in
            guard case .http(let address) = upstream.target else { return nil }
            return address.transport
        }
        #expect(transports == [.any, .streamable, .sse, .sse])
    }

    @Test("Every key of ours is read")
    func readsEverything() throws {
        let attempt = GatewayAttempt(
            """
            listen: {host: 127.0.0.1, port: 0, allowed_hosts: [gw.example.com], allowed_origins: ["https://a.example.com"]}
            auth:
              tokens:
                - {token: 0123456789abcdef0, user: {email: a@example.com, is_admin: true}, tenant: acme, servers: [dev]}
            mcpServers:
              git:
                command: git-server
                prefix: g
                allow: {tools: ["git_*"]}
                deny: {tools: [git_push], prompts: [p], resources: ["file:///etc/*"]}
                timeout: 5
                max_timeout: 50
                connect_timeout: 2
                refresh: 0
                sessions: shared
                disabled: true
            servers:
              dev: {description: For developers, mcpServers: [git], tools: ["g-*"], prefix: false}
            limits:
              {max_body_size: 1 MiB, session_idle: 60, max_sessions: 5, max_replay_events: 0, max_replay_bytes: 2 KiB,
               max_replay_bytes_per_session: 3 KiB, replay_time: 4}
            gatehouse: {log_level: warning, grace_period: 3}
            """)
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        #expect(settings.listen.port == 0)
        #expect(settings.listen.allowedHosts == ["gw.example.com"])
        #expect(settings.listen.allowedOrigins == ["https://a.example.com"])
        let token = try #require(settings.tokens.first)
        #expect(token.user == ["email": "a@example.com", "is_admin": true])
        #expect(token.tenant == "acme" && token.servers == ["dev"])
        let git = try #require(settings.upstreams.first)
        #expect(git.prefix == "g" && git.uriPrefix == "g" && git.isDisabled && git.sessions == .shared)
        #expect(
            git.allow.tools == ["git_*"] && git.deny.tools == ["git_push"] && git.deny.resources == ["file:///etc/*"])
        #expect(git.timeout == .seconds(5) && git.maximumTimeout == .seconds(50))
        #expect(git.connectTimeout == .seconds(2) && git.refreshInterval == nil)
        let server = try #require(settings.servers.first)
        #expect(server.upstreams == ["git"] && server.select.tools == ["g-*"] && !server.usesPrefixes)
        #expect(server.description == "For developers")
        #expect(settings.limits.maximumBodySize == 1 << 20 && settings.limits.sessionIdle == .seconds(60))
        #expect(settings.limits.maximumReplayEvents == 0 && settings.limits.maximumReplayBytes == 2 << 10)
        #expect(settings.limits.maximumReplayBytesPerSession == 3 << 10 && settings.limits.replayTime == .seconds(4))
        #expect(settings.plugins.process.logLevel == .warning && settings.plugins.process.gracePeriod == .seconds(3))
        #expect(attempt.warnings.isEmpty)
    }

    @Test(
        "What is wrong is told with line, key and remedy",
        arguments: [
            ("mcpServer: {}", "gateway.yaml:1: mcpServer: unknown key; did you mean \"mcpServers\"?"),
            ("mcpServers: {a: {}}", "gateway.yaml:1: mcpServers.a: has neither command nor url; give one of them"),
            ("mcpServers: {a: {command: x, url: 'http://h/'}}", "mcpServers.a: has both command and url; keep one"),
            ("mcpServers: {a: {command: x, headers: {A: b}}}", "mcpServers.a.headers: is only for a server with a url"),
            (
                "mcpServers: {a: {url: 'http://h/', args: [b]}}",
                "mcpServers.a.args: is only for a server with a command"
            ),
            ("mcpServers: {a: {url: 'ftp://h/'}}", "mcpServers.a.url: \"ftp://h/\" is not a URL of HTTP"),
            ("mcpServers: {a: {command: x, type: sse}}", "mcpServers.a.type: needs url, not command"),
            ("mcpServers: {a: {url: 'http://h/', type: smoke}}", "mcpServers.a.type: \"smoke\" is unknown"),
            ("mcpServers: {a: {url: 'http://h/', type: stdio}}", "mcpServers.a.type: needs command, not url"),
            (
                "mcpServers: {a: {url: 'http://h/', headers: {Host: b}}}",
                "mcpServers.a.headers.Host: is set by the gateway"
            ),
            ("mcpServers: {a: {url: 'http://h/', headers: {A: \"b\\nc\"}}}", "headers.A: holds control characters"),
            ("mcpServers: {1a: {command: x}}", "mcpServers.1a: \"1a\" cannot begin the names of tools"),
            (
                "mcpServers: {a: {command: x, prefix: 'ä'}}",
                "mcpServers.a.prefix: \"ä\" cannot begin the names of tools"
            ),
            ("mcpServers: {a_b: {command: x}, A-B: {command: x}}", "mcpServers.A-B: has the same prefix as \"a_b\""),
            ("mcpServers: {a: {command: x, timeout: 5, max_timeout: 1}}", "mcpServers.a.max_timeout: is below timeout"),
            (
                "mcpServers: {a: {command: x, sessions: each}}",
                "mcpServers.a.sessions: \"each\" is not a way to use sessions"
            ),
            ("servers: {'a b': {}}", "servers.a b: is no id that a URL can carry"),
            (
                "servers: {a: {mcpServers: [gti]}}\nmcpServers: {git: {command: x}}",
                "\"gti\" is no MCP server; did you mean \"git\"?"
            ),
            ("auth: {tokens: [{token: short}]}", "auth.tokens[0].token: is shorter than 16 characters"),
            (
                "auth: {tokens: [{token: 'with a space in it'}]}",
                "auth.tokens[0].token: holds characters that a bearer token may not"
            ),
            ("auth: {tokens: [{user: a}]}", "auth.tokens[0].token: is missing"),
            (
                "auth: {tokens: [{token: 0123456789abcdefx, servers: [x]}]}",
                "auth.tokens[0].servers[0]: \"x\" is no virtual server"
            ),
            ("listen: {allowed_origins: [example.com]}", "listen.allowed_origins[0]: \"example.com\" is no origin"),
            (
                "listen: {host: 0.0.0.0}",
                "listen.host: \"0.0.0.0\" is reachable from other machines, and without auth.tokens"
            ),
            ("plugins: [{name: a, kind: external}]", "plugins[0]"),
            (
                "plugins: x.yaml\nplugin_settings: {}",
                "plugin_settings: the plugins are in a file of their own (x.yaml)"
            ),
            (
                "plugins: /nowhere/x.yaml",
                "plugins: \"/nowhere/x.yaml\" does not exist; give the path of a plugin configuration"
            ),
        ])
    func reportsFaults(yaml: String, expected: String) {
        let attempt = GatewayAttempt(yaml)
        #expect(attempt.errors.contains { $0.contains(expected) }, "\(attempt.errors)")
    }

    @Test("The environment and flags win over the file")
    func precedence() throws {
        let environment = [
            "GATEHOUSE_PORT": "5", "GATEHOUSE_HOST": "127.0.0.9", "GATEHOUSE_TOKEN": "abcdefghijklmnop",
            "GATEHOUSE_ALLOWED_HOSTS": "a.example.com, b.example.com", "PLUGINS_ENABLED": "false",
        ]
        let attempt = GatewayAttempt("listen: {port: 4, allowed_hosts: [c]}", environment: environment) {
            $0.overrides.port = "6"
        }
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        #expect(settings.listen.port == 6 && settings.listen.host == "127.0.0.9")
        #expect(settings.listen.allowedHosts == ["a.example.com", "b.example.com"])
        #expect(settings.tokens.map(\.token) == ["abcdefghijklmnop"])
        #expect(settings.pluginsEnabled == false && !settings.runsPlugins)
        #expect(attempt.warnings.isEmpty)
        #expect(!(attempt.loaded?.report.table.contains("abcdefghijklmnop") ?? true), "a token is not shown")
    }

    @Test("A gateway that others can reach starts with tokens, or when told to")
    func nonLoopback() {
        let open = "listen: {host: 0.0.0.0}"
        #expect(GatewayAttempt(open).settings == nil)
        #expect(GatewayAttempt(open, environment: ["GATEHOUSE_TOKEN": "abcdefghijklmnop"]).settings != nil)
        let insecure = GatewayAttempt(open) { $0.overrides.insecure = true }
        #expect(insecure.settings != nil)
        #expect(insecure.warnings.contains { $0.contains("reachable from other machines") })
        #expect(GatewayAttempt(open) { $0.isStdio = true }.settings != nil, "stdio listens nowhere")
    }

    @Test("Plugins stand in the file, or in one of their own that the file, a variable or a flag names")
    func plugins() throws {
        let inline = GatewayAttempt(
            "plugins: [{name: a, kind: K, hooks: [tool_pre_invoke]}]\nplugin_settings: {plugin_timeout: 3}")
        #expect(inline.settings?.plugins.plugins.map(\.name) == ["a"])
        #expect(inline.settings?.plugins.pipeline.pluginTimeout == .seconds(3))

        let folder = try TemporaryFolder()
        let path = try folder.file(
            "plugins.yaml",
            "plugins: [{name: b, kind: K}]\nplugin_settings: {plugin_timeout: 4}\ngatehouse: {log_level: error}")
        for attempt in [
            GatewayAttempt("plugins: \(path)"),
            GatewayAttempt("", environment: ["PLUGIN_CONFIG_FILE": path]),
            GatewayAttempt("", environment: ["PLUGINS_CONFIG_FILE": path]),
            GatewayAttempt("plugins: /nowhere") { $0.overrides.plugins = path },
        ] {
            #expect(attempt.settings?.plugins.plugins.map(\.name) == ["b"], "\(attempt.errors)")
            #expect(attempt.settings?.plugins.pipeline.pluginTimeout == .seconds(4))
            #expect(attempt.settings?.plugins.process.logLevel == .info, "the gateway's own file says how it logs")
            #expect(attempt.warnings.isEmpty, "what the file's servers would do does not concern a gateway")
        }
    }

    @Test("PLUGINS_ENABLED=true without plugins is an error, not a gateway that checks nothing")
    func pluginsEnabledWithoutPlugins() {
        let attempt = GatewayAttempt("", environment: ["PLUGINS_ENABLED": "true"]) {
            $0.defaultPluginPath = "./no/such/config.yaml"
        }
        #expect(
            attempt.errors.contains {
                $0.contains("PLUGINS_ENABLED: plugins: \"./no/such/config.yaml\" does not exist")
            })
    }

    @Test("Every variable of a gateway is read")
    func everyVariableIsRead() throws {
        let folder = try TemporaryFolder()
        let variables = [
            "GATEHOUSE_HOST": "127.0.0.9", "GATEHOUSE_PORT": "5", "GATEHOUSE_UDS": folder.path + "/s",
            "GATEHOUSE_TOKEN": "abcdefghijklmnop", "GATEHOUSE_INSECURE": "true", "GATEHOUSE_ALLOWED_HOSTS": "a",
            "GATEHOUSE_ALLOWED_ORIGINS": "https://a", "GATEHOUSE_STATE_KEY": "0123456789abcdef0123456789abcdef",
        ]
        for (name, value) in variables {
            let report = GatewayAttempt("", environment: [name: value]).loaded?.report
            #expect(report?.settings.contains { $0.source == .environment(name) } == true, "\(name)")
        }
        let loader = GatewayConfigurationLoader(environment: ["GATEHOUSE_CONFIG": "/x"])
        #expect(loader.path.value == "/x")
        // None of these says anything without the others.
        let file = try folder.file("tls.pem")
        let tls = [
            "GATEHOUSE_SSL_ENABLED": "true", "GATEHOUSE_SSL_CERTFILE": file, "GATEHOUSE_SSL_KEYFILE": file,
            "GATEHOUSE_SSL_KEYFILE_PASSWORD": "pw", "GATEHOUSE_SSL_CA_CERTS": file, "GATEHOUSE_SSL_CLIENT_AUTH": "none",
        ]
        let report = GatewayAttempt("", environment: tls).loaded?.report
        for name in tls.keys {
            #expect(report?.settings.contains { $0.source == .environment(name) } == true, "\(name)")
        }
        let known = Set(variables.keys).union(tls.keys).union(["GATEHOUSE_CONFIG"])
        #expect(Set(EnvironmentCheck.knownToGateways) == known)
    }

    @Test("Faults of a plugin file do not matter while plugins are switched off, but are told")
    func pluginFileWhileOff() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("plugins.yaml", "plugins: [{name: b}]")
        let environment = ["PLUGIN_CONFIG_FILE": path, "PLUGINS_ENABLED": "false"]
        let attempt = GatewayAttempt("", environment: environment)
        #expect(attempt.settings != nil)
        #expect(attempt.warnings.contains { $0.contains("plugins[0].kind: is missing") }, "\(attempt.warnings)")
        #expect(!GatewayAttempt("", environment: ["PLUGIN_CONFIG_FILE": path]).errors.isEmpty)
    }
}
