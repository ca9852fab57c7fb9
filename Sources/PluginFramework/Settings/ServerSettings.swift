// SPDX-License-Identifier: Apache-2.0

/// `grpc_server_settings`: where the gRPC server listens, and what it bears.
///
/// The limits are ours; ContextForge's server has none but the 4 MiB of a message.
public struct GRPCServerSettings: Sendable, Equatable {
    /// `host`: an address or a name.
    ///
    /// All interfaces by default, as ContextForge documents.
    public var host = "0.0.0.0"
    /// `port`: 0 for any that is free.
    public var port = 50_051
    /// `uds`, `socket_mode`, `socket_group`: the Unix socket to listen on instead of ``host`` and ``port``.
    public var socket: SocketFileSettings?
    /// `tls`: nil for plaintext.
    public var tls: ServerTLSSettings?

    /// `max_message_size`: the most bytes of one message, decompressed.
    ///
    /// 16 MiB by default.
    public var maximumMessageSize = 16 << 20
    /// `max_connections`: how many connections may be open at a time.
    public var maximumConnections = 10_000
    /// `max_concurrent_streams`: how many calls of one connection may be open at a time.
    public var maximumConcurrentStreams = 1_000
    /// `max_calls_in_flight`: how many calls of all connections may be open at a time, streaming ones not counted.
    public var maximumCallsInFlight = 10_000
    /// `max_streaming_calls_per_connection`: how many streaming calls of one connection may be open at a time.
    ///
    /// Those that watch health or use reflection.
    public var maximumStreamingCallsPerConnection = 100
    /// `max_streaming_calls`: how many streaming calls of all connections may be open at a time.
    public var maximumStreamingCalls = 1_000
    /// `request_timeout`: how long a request may take to arrive in full, and the first message of a streaming call.
    public var requestTimeout: Duration = .seconds(30)
    /// `answer_timeout`: how long a peer may leave an answer unread.
    public var answerTimeout: Duration = .seconds(60)
    /// `handshake_timeout`: how long a new connection may take to begin with HTTP/2, and TLS before it.
    public var handshakeTimeout: Duration = .seconds(10)
    /// `max_connection_idle`: how long a connection without calls is kept, an hour by default; nil (0 in the file) for ever.
    public var maximumConnectionIdle: Duration? = .seconds(3_600)
    /// `max_connection_age`: when a connection is asked to end; nil (0 in the file) for never.
    public var maximumConnectionAge: Duration?
    /// `keepalive_time`: how long a silent connection waits before it is asked for a sign of life; nil (0) for never.
    ///
    /// Two hours by default, as gRPC's servers.
    public var keepaliveTime: Duration? = .seconds(7_200)
    /// `keepalive_timeout`: how long the sign of life may take.
    ///
    /// 20 seconds by default, as gRPC's servers.
    public var keepaliveTimeout: Duration = .seconds(20)
    /// `max_header_list_size`: the most bytes of one call's headers, counted as RFC 9113 section 6.5.2 does.
    public var maximumHeaderListSize = 16 << 10
    /// `stream_window_size`: the flow-control window of one call, in bytes.
    ///
    /// 1 MiB by default.
    public var streamWindowSize = 1 << 20
    /// `connection_window_size`: the flow-control window of a connection, in bytes.
    ///
    /// 4 MiB by default.
    public var connectionWindowSize = 4 << 20
    /// `max_rapid_resets`: how many calls a peer may begin and cancel at once, beyond those it completes.
    public var maximumRapidResets = 1_000
    /// `max_control_frames`: how many PING, SETTINGS and like frames a peer may send at once.
    public var maximumControlFrames = 1_000
    /// `inline_limit`: up to how many bytes of payload a call starts on its connection's event loop.
    ///
    /// 64 KiB by default.
    public var inlineLimit = 64 << 10

    /// Makes settings with the defaults.
    public init() {}
}

/// `server_settings`: where the MCP server listens, and what it bears.
///
/// The limits are ours; they hold for stdio as far as they make sense there.
public struct MCPServerSettings: Sendable, Equatable {
    /// `host`: an address or a name.
    public var host = "127.0.0.1"
    /// `port`: 0 for any that is free.
    public var port = 8_000
    /// `uds`, `socket_mode`, `socket_group`: the Unix socket to listen on instead of ``host`` and ``port``.
    public var socket: SocketFileSettings?
    /// `tls`: nil for plaintext.
    public var tls: ServerTLSSettings?

    /// `max_body_size`: the most bytes of a request's body, and of a message over stdio.
    ///
    /// 16 MiB by default.
    public var maximumBodySize = 16 << 20
    /// `max_header_size`: the most bytes of a request's target and header fields.
    ///
    /// 32 KiB by default.
    public var maximumHeaderSize = 32 << 10
    /// `max_connections`: how many connections may be open at a time.
    public var maximumConnections = 10_000
    /// `max_requests_in_flight`: how many requests of all connections may be answered at a time.
    public var maximumRequestsInFlight = 10_000
    /// `request_timeout`: how long a request may take to arrive in full.
    public var requestTimeout: Duration = .seconds(30)
    /// `answer_timeout`: how long a peer may leave an answer unread.
    public var answerTimeout: Duration = .seconds(60)
    /// `idle_timeout`: how long a connection without requests is kept.
    public var idleTimeout: Duration = .seconds(75)
    /// `inline_limit`: up to how many bytes of arguments a call starts on its connection's event loop.
    ///
    /// 64 KiB by default.
    public var inlineLimit = 64 << 10
    /// `metrics`: whether `/metrics/prometheus` is served.
    public var servesMetrics = true

    /// Makes settings with the defaults.
    public init() {}
}

/// `unix_socket_server_settings`: where the raw socket server listens, and what it bears.
///
/// All but the path and the idle time are ours; ContextForge's server has a fixed limit of 16 MiB a message, and no others.
public struct UnixSocketServerSettings: Sendable, Equatable {
    /// `path`, `socket_mode`, `socket_group`: the socket file.
    public var socket = SocketFileSettings(path: "/tmp/mcpgateway-plugins.sock")
    /// `allow_uids`: the users whose processes may connect, as the kernel tells them; nil for all that the file's mode lets in.
    public var allowedUsers: [UInt32]?
    /// `allow_gids`: the groups whose processes may connect, beside ``allowedUsers``; nil for all that the file's mode lets in.
    public var allowedGroups: [UInt32]?
    /// `max_message_size`: the most bytes of one message.
    ///
    /// 16 MiB by default, as ContextForge.
    public var maximumMessageSize = 16 << 20
    /// `max_connections`: how many connections may be open at a time.
    public var maximumConnections = 10_000
    /// `max_calls_in_flight`: how many calls of all connections may run at a time.
    public var maximumCallsInFlight = 10_000
    /// `max_calls_per_connection`: how many calls of one connection may run at a time, with peers of ours that send several.
    public var maximumCallsPerConnection = 1_000
    /// `idle_timeout`: how long a connection without calls is kept, 300 seconds by default as in ContextForge; nil (0) for ever.
    public var idleTimeout: Duration? = .seconds(300)
    /// `request_timeout`: how long a message may take to arrive in full once it has begun to.
    public var requestTimeout: Duration = .seconds(30)
    /// `answer_timeout`: how long a peer may leave an answer unread.
    public var answerTimeout: Duration = .seconds(60)
    /// `inline_limit`: up to how many bytes of request a call starts on its connection's event loop.
    ///
    /// 64 KiB by default.
    public var inlineLimit = 64 << 10

    /// Makes settings with the defaults.
    public init() {}
}

/// A Unix socket in the file system.
public struct SocketFileSettings: Sendable, Equatable {
    /// The absolute path, at most 107 bytes (`sun_path` of unix(7), less its end).
    public var path: String
    /// The permission bits; only the server's own user may connect by default.
    public var mode: UInt32 = 0o600
    /// The group that owns the file; nil for the group of the process.
    public var group: String?

    /// Makes settings with the defaults of everything but the path.
    public init(path: String) { self.path = path }
}

/// `tls` of a server: how its connections are secured.
public struct ServerTLSSettings: Sendable, Equatable {
    /// Whether clients have to show a certificate.
    public enum ClientAuthentication: String, Sendable, CaseIterable {
        /// None is asked for (`ssl_cert_reqs: 0`).
        case none
        /// One is asked for, and verified if given (`ssl_cert_reqs: 1`).
        case optional
        /// One is needed (`ssl_cert_reqs: 2`).
        case require
    }

    /// `certfile`: the server's certificate chain, PEM.
    public var certificateFile: String
    /// `keyfile`: the server's private key, PEM.
    public var keyFile: String
    /// `keyfile_password`: the password of an encrypted key.
    public var keyFilePassword: String?
    /// `ca_bundle`: the authorities whose client certificates are trusted, PEM; never nil unless ``clientAuthentication`` is none.
    public var caBundle: String?
    /// `client_auth` or `ssl_cert_reqs`: whether clients have to show a certificate.
    public var clientAuthentication: ClientAuthentication = .require
    /// `allowed_clients`: patterns for the names of the clients that are served; nil for all whose certificates are verified.
    ///
    /// A setting of ours. Needs ``ClientAuthentication/require``. `spiffe://example.org/gateway/*` and `*.gateways.example.com` are
    /// for alternative names, `cn:NAME` for the common name, `subject:CN=NAME,O=…` for the whole subject (RFC 4514). `*` stands for
    /// any text without `/` in URIs and without `.` in DNS names, `**` for any text.
    public var allowedClients: [String]?

    /// Makes settings with the defaults of everything but the certificate and its key.
    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
