// SPDX-License-Identifier: Apache-2.0

package import Values

/// Everything that configuration says about a gateway.
///
/// Plain data: nothing here reads a file or a variable.
package struct GatewaySettings: Sendable, Equatable {
    /// `listen`: where clients reach the gateway.
    package var listen = GatewayListenSettings()
    /// `auth.tokens`: who may use it; empty for everybody who can reach it.
    package var tokens: [GatewayToken] = []
    /// `auth`, but for its tokens: whose signed tokens are taken.
    package var authentication = GatewayAuthenticationSettings()
    /// `mcpServers`: the servers behind the gateway, in configured order, disabled ones included.
    package var upstreams: [UpstreamSettings] = []
    /// `servers`: the virtual servers beside the one that has everything.
    package var servers: [VirtualServerSettings] = []
    /// `limits`: what the gateway bears.
    package var limits = GatewayLimits()
    /// `request_state`: what clients without sessions bring back.
    package var requestState = RequestStateSettings()
    /// `PLUGINS_ENABLED`: whether plugins run; nil for when any are configured.
    package var pluginsEnabled: Bool?
    /// The plugins with all that holds for them, and how the process behaves.
    package var plugins = PluginServerSettings()

    /// Makes settings with the defaults and no upstreams.
    package init() {}

    /// Whether everybody has to say who they are.
    package var asksForTokens: Bool { !tokens.isEmpty || !authentication.issuers.isEmpty }

    /// Whether plugins run.
    package var runsPlugins: Bool { pluginsEnabled ?? true }
}

/// `listen`: where clients reach the gateway, and as what.
package struct GatewayListenSettings: Sendable, Equatable {
    /// `host`: an address or a name.
    package var host = "127.0.0.1"
    /// `port`: 0 for any that is free.
    package var port = 4_444
    /// `uds`, `socket_mode`, `socket_group`: the Unix socket to listen on instead of ``host`` and ``port``.
    package var socket: SocketFileSettings?
    /// `tls`: nil for plaintext.
    ///
    /// Unlike plugin servers, it asks for no certificates of clients unless ``ServerTLSSettings/clientAuthentication`` is set.
    package var tls: ServerTLSSettings?
    /// `allowed_hosts`: names in `Host` headers that mean this gateway, beside loopback names and the address itself.
    package var allowedHosts: [String] = []
    /// `allowed_origins`: origins of web pages that may call, `https://host[:port]`; loopback origins always may.
    package var allowedOrigins: [String] = []
    /// `insecure`: whether to listen beyond this machine without authentication.
    package var isInsecure = false

    /// Makes settings with the defaults.
    package init() {}
}

/// One of `auth.tokens`: a bearer token, and what is known about who has it.
package struct GatewayToken: Sendable, Equatable {
    /// `token`: the secret itself, at least 16 bytes.
    package var token: String
    /// `user`: who it is; an e-mail address or another name, or an object of attributes.
    package var user: Value?
    /// `tenant`: the tenant on whose behalf it is.
    package var tenant: String?
    /// `servers`: the virtual servers that it is for; empty for all, the one that has everything included.
    package var servers: [String] = []
    /// `scopes`: what may be done with it; nil for everything.
    package var scopes: [String]?

    /// Makes a token of which nothing else is known.
    package init(token: String) { self.token = token }
}

/// `limits`: what the gateway bears before it refuses.
package struct GatewayLimits: Sendable, Equatable {
    /// `max_connections`: how many connections may be open at a time.
    package var maximumConnections = 10_000
    /// `max_body_size`: the most bytes of one message from a client.
    ///
    /// 4 MiB by default.
    package var maximumBodySize = 4 << 20
    /// `max_header_size`: the most bytes of one request's head.
    ///
    /// 32 KiB by default.
    package var maximumHeaderSize = 32 << 10
    /// `max_message_size`: the most bytes of one message from an upstream.
    ///
    /// 16 MiB by default.
    package var maximumMessageSize = 16 << 20
    /// `request_timeout`: how long a request may take to arrive in full.
    package var requestTimeout: Duration = .seconds(30)
    /// `idle_timeout`: how long a connection without requests is kept.
    package var idleTimeout: Duration = .seconds(300)
    /// `max_sessions`: how many sessions of clients may be open at a time.
    package var maximumSessions = 10_000
    /// `session_idle`: how long a session that nothing happens in is kept.
    package var sessionIdle: Duration = .seconds(3_600)
    /// `max_calls_per_session`: how many calls of one session may be in flight.
    package var maximumCallsPerSession = 1_000
    /// `max_streams_per_session`: how many event streams of one session may be open.
    package var maximumStreamsPerSession = 100
    /// `max_replay_events`: how many events of one stream are kept for a client whose connection breaks; 0 for none.
    package var maximumReplayEvents = 256
    /// `max_replay_bytes`: how many bytes of such events of one stream are kept; 0 for none.
    ///
    /// 2 MiB by default.
    package var maximumReplayBytes = 2 << 20
    /// `max_replay_bytes_per_session`: how many bytes of such events of all streams of a session are kept.
    ///
    /// 8 MiB by default.
    package var maximumReplayBytesPerSession = 8 << 20
    /// `replay_time`: how long such an event is kept.
    package var replayTime: Duration = .seconds(300)
    /// `max_upstream_sessions`: how many sessions with one upstream may be open at a time.
    ///
    /// For servers that are programs, that many may run.
    package var maximumUpstreamSessions = 1_000
    /// `max_listed`: how many tools (or prompts, resources, templates) of one upstream are taken.
    package var maximumListed = 10_000
    /// `max_held_calls`: how many calls of clients without sessions may wait for answers that servers have asked for.
    package var maximumHeldCalls = 1_000
    /// `max_held_calls_per_user`: how many of them may be one user's.
    package var maximumHeldCallsPerUser = 20
    /// `max_held_bytes`: how many bytes their requests may have together.
    ///
    /// 64 MiB by default.
    package var maximumHeldBytes = 64 << 20
    /// `max_calls_per_user`: how many calls of one user may be in flight, over all of its sessions.
    package var maximumCallsPerUser = 200
    /// `max_sessions_per_user`: how many sessions of one user may be open.
    package var maximumSessionsPerUser = 100
    /// `max_bytes_per_user`: how many bytes the requests of one user's calls in flight may have together.
    ///
    /// 64 MiB by default.
    package var maximumBytesPerUser = 64 << 20

    /// Makes limits with the defaults.
    package init() {}
}

/// `request_state`: what clients of MCP 2026-07-28, which have no sessions, bring back when they were asked for input.
package struct RequestStateSettings: Sendable, Equatable {
    /// `key` or `key_file`: the secret under which it is sealed, at least 32 bytes; nil for one that only this process has.
    ///
    /// Gateways that share it take what others have made.
    package var key: String?
    /// `lifetime`: how long a client may take to come back.
    ///
    /// 300 s by default, 3,600 s at most.
    package var lifetime: Duration = .seconds(300)

    /// Makes settings with the defaults.
    package init() {}
}
