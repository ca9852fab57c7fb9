// SPDX-License-Identifier: Apache-2.0

/// Where an external plugin runs and how it is reached: exactly one of `grpc`, `unix_socket` and `mcp`.
public enum ExternalPluginSettings: Sendable, Equatable {
    /// Over gRPC.
    case grpc(GRPCTarget)
    /// Over length-prefixed frames on a Unix socket.
    case unixSocket(UnixSocketTarget)
    /// Over MCP.
    case mcp(MCPTarget)

    /// A gRPC server.
    public struct GRPCTarget: Sendable, Equatable {
        /// `host:port`, or a target with a scheme; nil when ``uds`` is set.
        public var target: String?
        /// The absolute path of a Unix socket; nil when ``target`` is set.
        public var uds: String?
        /// How the connection is secured; nil for plaintext.
        public var tls: ClientTLSSettings?

        /// Makes an empty target.
        public init() {}
    }

    /// A raw Unix socket server.
    public struct UnixSocketTarget: Sendable, Equatable {
        /// The absolute path of the socket.
        public var path: String
        /// How long one call may take.
        public var timeout: Duration = .seconds(30)
        /// How often connecting is tried again.
        public var reconnectAttempts = 3
        /// How long to wait before the first of them; it doubles each time.
        public var reconnectDelay: Duration = .milliseconds(100)

        /// Makes a target with the defaults.
        public init(path: String) { self.path = path }
    }

    /// An MCP server.
    public struct MCPTarget: Sendable, Hashable {
        /// How MCP is carried.
        public enum Transport: String, Sendable, CaseIterable {
            /// Streamable HTTP.
            case streamableHTTP = "STREAMABLEHTTP"
            /// A child process.
            case stdio = "STDIO"
        }

        /// How MCP is carried.
        public var transport: Transport
        /// The server's URL.
        public var url: String?
        /// The absolute path of a Unix socket that ``url`` is reached through.
        public var uds: String?
        /// A script to run.
        public var script: String?
        /// A command to run, with its arguments.
        public var command: [String] = []
        /// Variables of the child's environment.
        public var environment: [String: String] = [:]
        /// The child's working folder.
        public var workingDirectory: String?
        /// How the connection is secured; nil for what the URL's scheme says.
        public var tls: ClientTLSSettings?
        /// How often connecting is tried again.
        public var reconnectAttempts = 3
        /// How long to wait before the first of them; it doubles each time.
        public var reconnectDelay: Duration = .milliseconds(100)

        /// Makes a target with the defaults.
        public init(transport: Transport) { self.transport = transport }
    }
}

/// How a connection to a server is secured.
public struct ClientTLSSettings: Sendable, Hashable {
    /// Whether the server's certificate is verified.
    public var verify = true
    /// A file with the certificates of the authorities to trust; nil for the system's.
    public var caBundle: String?
    /// A file with the client's certificate chain.
    public var certificateFile: String?
    /// A file with the client's private key.
    public var keyFile: String?
    /// The password of the private key.
    public var keyFilePassword: String?
    /// Whether the certificate must name the host.
    public var checkHostname = true
    /// `server_name`: the name that the certificate must have, in place of the host that is dialled; nil for that one.
    ///
    /// A setting of ours.
    public var serverName: String?

    /// Makes settings with the defaults.
    public init() {}
}
