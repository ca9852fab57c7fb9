// SPDX-License-Identifier: Apache-2.0

/// How a client reaches its MCP server.
package enum MCPClientTransportSettings: Sendable {
    /// A server that is reached by HTTP.
    case http(MCPHTTPClientSettings)
    /// A server that is started as a child process, and spoken to over its standard input and output.
    case stdio(MCPStdioClientSettings)
}

/// A server that is started as a child process.
package struct MCPStdioClientSettings: Sendable {
    /// The program: a path, or a name that is looked for in `PATH`.
    package var command: String
    /// Its arguments, without the program's name.
    package var arguments: [String]
    /// Variables beside those it inherits, or in their place.
    package var environment: [(name: String, value: String)]
    /// Whether it inherits the environment of this process.
    ///
    /// Default true. Without it only `PATH`, `HOME`, `USER`, `LANG` and `TZ` are passed on.
    package var inheritsEnvironment = true
    /// The folder it runs in; nil for that of this process.
    package var workingDirectory: String?
    /// Takes each line that the server writes to its standard error, without its end, at most 8 KiB of it.
    ///
    /// Called from the task that reads them: it must not block.
    package var standardErrorLine: @Sendable (String) -> Void = { _ in }
    /// How long the server may take to end once its standard input is closed, and again once it got SIGTERM; then it is killed.
    ///
    /// Default 2 s.
    package var endGrace: Duration = .seconds(2)

    /// Makes settings.
    package init(
        command: String, arguments: [String] = [], environment: [(name: String, value: String)] = [],
        workingDirectory: String? = nil
    ) {
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}

/// Which of MCP's two HTTP transports a server speaks.
package enum MCPHTTPTransport: String, Sendable, CaseIterable {
    /// Streamable HTTP, or the older one when the server refuses `initialize` with 400, 404 or 405 (MCP 2025-03-26, Backwards
    /// Compatibility).
    case any
    /// Streamable HTTP (revision 2025-03-26 and later).
    case streamable
    /// HTTP with server-sent events (revision 2024-11-05), which MCP has given up.
    case sse
}

/// A server that is reached by HTTP.
package struct MCPHTTPClientSettings: Sendable {
    /// The endpoint: `http://host:port/path`; with a Unix socket the host is what the `Host` header says.
    package var url: String
    /// The socket to connect to instead of the URL's host.
    package var unixSocket: String?
    /// Headers of every request, such as `Authorization`.
    package var headers: [(name: String, value: String)]
    /// Credentials that change over time, in place of an `Authorization` among the headers; nil for none.
    package var authorization: (any MCPClientAuthorization)?
    /// How it is spoken to.
    ///
    /// Default any.
    package var transport = MCPHTTPTransport.any
    /// Whether a GET stream is held open for messages that belong to no request.
    ///
    /// Default true; a server that has none answers 405, and is left alone.
    package var opensStream = true

    /// Makes settings.
    package init(url: String, unixSocket: String? = nil, headers: [(name: String, value: String)] = []) {
        self.url = url
        self.unixSocket = unixSocket
        self.headers = headers
    }
}

/// The limits of a client's session with a server.
package struct MCPClientLimits: Sendable {
    /// The longest message the server may send, in bytes.
    ///
    /// Default 16 MiB.
    package var maxMessageBytes = 16 << 20

    /// The most requests of the server that are being answered at a time; more are answered with an error.
    ///
    /// Default 100.
    package var maxServerRequests = 100

    /// The most notifications that wait for the handler; then the server is not read from.
    ///
    /// Default 256.
    package var maxWaitingNotifications = 256

    /// How long connecting and `initialize` may take.
    ///
    /// Default 30 s.
    package var connectTimeout: Duration = .seconds(30)

    /// How long a program may be silent when it is asked for its revisions, before it is taken for one that begins with `initialize`.
    ///
    /// Default 5 s.
    package var discoverTimeout: Duration = .seconds(5)

    /// How long a server may take to accept a message that wants no answer.
    ///
    /// Default 10 s.
    package var sendTimeout: Duration = .seconds(10)

    /// The defaults.
    package init() {}
}
