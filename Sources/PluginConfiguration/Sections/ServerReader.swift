// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads the sections of the three servers.
struct ServerReader {
    let root: SettingsSection
    /// The transports that are served, and whose the flags are.
    let transports: TransportReader

    private var session: LoadSession { root.session }

    /// `grpc_server_settings`.
    func readGRPC() -> GRPCServerSettings {
        let section = root.section("grpc_server_settings")
        let flags = transports.flags(for: .grpc)
        var settings = GRPCServerSettings()
        let address = readAddress(
            section, prefix: "PLUGINS_GRPC_SERVER", flags: flags, host: settings.host, port: settings.port)
        (settings.host, settings.port) = (address.host.value, address.port.value)
        settings.socket = address.socket
        let tls = ServerTLSReader(
            section: section, prefix: "PLUGINS_GRPC_SERVER",
            clientKey: ("client_auth", "CLIENT_AUTH", .choice("a client_auth", ignoresCase: true)), flag: flags?.tls
        ).read(socket: address.uds)
        settings.tls = tls.settings
        readLimits(section, &settings)
        section.finish()
        if transports.serves(.grpc), address.uds == nil, !tls.isOn, !Self.isLoopback(settings.host) {
            session.warn(
                address.host.source, section.path.key("host"),
                "\"\(settings.host)\" is reachable from other machines, and without TLS everybody there can read and change "
                    + "what plugins see; give tls, or host 127.0.0.1")
        }
        return settings
    }

    private func readLimits(_ section: SettingsSection, _ settings: inout GRPCServerSettings) {
        func count(_ key: String, _ value: inout Int) {
            value = section.setting(key, .integer(in: 1...10_000_000), default: value).value
        }
        func bytes(_ key: String, _ value: inout Int, in range: ClosedRange<Int>) {
            value = section.setting(key, .bytes(in: range), default: value).value
        }
        func time(_ key: String, _ value: inout Duration) {
            value = section.setting(key, .seconds, default: value).value
        }
        func timeOrNever(_ key: String, _ value: inout Duration?) {
            value = section.setting(key, .secondsOrNever, default: value).value
        }
        // The length of a gRPC message has 32 bits; ContextForge's own limits are signed.
        bytes("max_message_size", &settings.maximumMessageSize, in: 1...Int(Int32.max))
        count("max_connections", &settings.maximumConnections)
        count("max_concurrent_streams", &settings.maximumConcurrentStreams)
        count("max_calls_in_flight", &settings.maximumCallsInFlight)
        count("max_streaming_calls_per_connection", &settings.maximumStreamingCallsPerConnection)
        count("max_streaming_calls", &settings.maximumStreamingCalls)
        time("request_timeout", &settings.requestTimeout)
        time("answer_timeout", &settings.answerTimeout)
        time("handshake_timeout", &settings.handshakeTimeout)
        timeOrNever("max_connection_idle", &settings.maximumConnectionIdle)
        timeOrNever("max_connection_age", &settings.maximumConnectionAge)
        timeOrNever("keepalive_time", &settings.keepaliveTime)
        time("keepalive_timeout", &settings.keepaliveTimeout)
        bytes("max_header_list_size", &settings.maximumHeaderListSize, in: 1_024...(1 << 20))
        // From HTTP/2's initial window to its largest (RFC 9113, sections 6.9.1 and 6.9.2).
        bytes("stream_window_size", &settings.streamWindowSize, in: 65_535...Int(Int32.max))
        bytes("connection_window_size", &settings.connectionWindowSize, in: 65_535...Int(Int32.max))
        count("max_rapid_resets", &settings.maximumRapidResets)
        count("max_control_frames", &settings.maximumControlFrames)
        bytes("inline_limit", &settings.inlineLimit, in: 0...Int(Int32.max))
    }

    /// `server_settings`.
    func readMCP() -> MCPServerSettings {
        let section = root.section("server_settings")
        let flags = transports.flags(for: .http)
        var settings = MCPServerSettings()
        let address = readAddress(
            section, prefix: "PLUGINS_SERVER", flags: flags, host: settings.host, port: settings.port)
        (settings.host, settings.port) = (address.host.value, address.port.value)
        settings.socket = address.socket
        settings.tls =
            ServerTLSReader(
                section: section, prefix: "PLUGINS_SERVER",
                clientKey: ("ssl_cert_reqs", "CERT_REQS", .certificateRequirement), flag: flags?.tls
            ).read(socket: address.uds).settings
        func bytes(_ key: String, _ value: inout Int, in range: ClosedRange<Int>) {
            value = section.setting(key, .bytes(in: range), default: value).value
        }
        func count(_ key: String, _ value: inout Int) {
            value = section.setting(key, .integer(in: 1...10_000_000), default: value).value
        }
        func time(_ key: String, _ value: inout Duration) {
            value = section.setting(key, .seconds, default: value).value
        }
        bytes("max_body_size", &settings.maximumBodySize, in: 1...Int(Int32.max))
        bytes("max_header_size", &settings.maximumHeaderSize, in: 1_024...(1 << 20))
        count("max_connections", &settings.maximumConnections)
        count("max_requests_in_flight", &settings.maximumRequestsInFlight)
        time("request_timeout", &settings.requestTimeout)
        time("answer_timeout", &settings.answerTimeout)
        time("idle_timeout", &settings.idleTimeout)
        bytes("inline_limit", &settings.inlineLimit, in: 0...Int(Int32.max))
        settings.servesMetrics =
            section.setting("metrics", .bool, default: settings.servesMetrics, variables: ["ENABLE_METRICS"]).value
        section.finish()
        return settings
    }

    /// `unix_socket_server_settings`.
    func readUnixSocket() -> UnixSocketServerSettings {
        let section = root.section("unix_socket_server_settings")
        var settings = UnixSocketServerSettings()
        let flags = transports.flags(for: .unix)
        let path = section.setting(
            "path", .name, default: settings.socket.path,
            variables: ["PLUGINS_UNIX_SOCKET_PATH", "UNIX_SOCKET_PATH"], flag: ("--uds", flags?.uds))
        // The default is checked when it is used; most servers never do.
        if path.source != .defaultValue || transports.serves(.unix),
            let checked = session.socketPath(path, section.path.key("path"))
        {
            settings.socket.path = checked
        }
        readSocketFile(section, &settings.socket)
        func count(_ key: String, _ value: inout Int) {
            value = section.setting(key, .integer(in: 1...10_000_000), default: value).value
        }
        func ids(_ key: String, _ noun: String) -> [UInt32]? {
            section.numbers(key, noun, in: 0...Int(UInt32.max) - 1)?.map { UInt32($0) }
        }
        settings.allowedUsers = ids("allow_uids", "a user's number")
        settings.allowedGroups = ids("allow_gids", "a group's number")
        settings.maximumMessageSize =
            section.setting("max_message_size", .bytes(in: 1...Int(Int32.max)), default: settings.maximumMessageSize)
            .value
        count("max_connections", &settings.maximumConnections)
        count("max_calls_in_flight", &settings.maximumCallsInFlight)
        count("max_calls_per_connection", &settings.maximumCallsPerConnection)
        settings.idleTimeout = section.setting("idle_timeout", .secondsOrNever, default: settings.idleTimeout).value
        settings.requestTimeout = section.setting("request_timeout", .seconds, default: settings.requestTimeout).value
        settings.answerTimeout = section.setting("answer_timeout", .seconds, default: settings.answerTimeout).value
        settings.inlineLimit =
            section.setting("inline_limit", .bytes(in: 0...Int(Int32.max)), default: settings.inlineLimit).value
        section.finish()
        return settings
    }

    struct Address {
        var host: Sourced<String>
        var port: Sourced<Int>
        var uds: Sourced<String>?
        var socket: SocketFileSettings?
    }

    /// A host and port, or a Unix socket: of the two, the one that the higher source names counts; within one source the socket.
    func readAddress(
        _ section: SettingsSection, prefix: String, flags: CommandLineOverrides?, host: String, port: Int
    ) -> Address {
        let host = section.setting(
            "host", .name, default: host, variables: ["\(prefix)_HOST"], flag: ("--host", flags?.host))
        let port = section.setting(
            "port", .port, default: port, variables: ["\(prefix)_PORT"], flag: ("--port", flags?.port))
        let uds = section.optional("uds", .name, variables: ["\(prefix)_UDS"], flag: ("--uds", flags?.uds))
        var address = Address(host: host, port: port)
        var socket = SocketFileSettings(path: "")
        readSocketFile(section, &socket)
        guard let uds else { return address }

        let path = section.path.key("uds")
        let tcp = [host.source, port.source].max { $0.rank < $1.rank } ?? .defaultValue
        if tcp.rank > uds.source.rank {
            session.warn(tcp, path, "the socket \"\(uds.value)\" (\(uds.source)) is overridden by host and port")
            return address
        }
        if tcp.rank == uds.source.rank {
            if case .commandLine = tcp {
                session.error(tcp, path, "does not go with --uds; give one of the two")
            } else {
                session.warn(
                    tcp, path, "host and port have no effect beside a socket (\(uds.source)); remove them or uds")
            }
        }
        address.uds = uds
        if let checked = session.socketPath(uds, path) {
            socket.path = checked
            address.socket = socket
        }
        return address
    }

    private func readSocketFile(_ section: SettingsSection, _ socket: inout SocketFileSettings) {
        socket.mode = section.setting("socket_mode", .fileMode, default: socket.mode).value
        socket.group = section.optional("socket_group", .name)?.value
    }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host == "[::1]" || host.hasPrefix("127.")
    }
}
