// SPDX-License-Identifier: Apache-2.0

/// One of `mcpServers`: an MCP server behind the gateway.
package struct UpstreamSettings: Sendable, Equatable {
    /// How the server is reached.
    package enum Target: Sendable, Equatable {
        /// A program that speaks on its standard input and output.
        case command(UpstreamCommand)
        /// A server that speaks HTTP.
        case http(UpstreamAddress)
    }

    /// `sessions`: whose sessions with the upstream are.
    package enum Sessions: String, Sendable, CaseIterable {
        /// One for each client's session where the upstream keeps state: programs, and servers that give session ids.
        case auto
        /// One for all clients.
        case shared
        /// One for each client's session.
        case perClient = "per_client"
    }

    /// `protocol`: in which era of MCP the upstream is spoken to.
    package enum ProtocolChoice: String, Sendable, CaseIterable {
        /// As revision 2026-07-28 has it if the server knows it, else with `initialize`.
        case auto
        /// With `initialize`: revisions up to 2025-11-25.
        case handshake
        /// As revision 2026-07-28 has it.
        case modern = "2026-07-28"
    }

    /// The key under `mcpServers`.
    package var name: String
    /// How the server is reached.
    package var target: Target
    /// `prefix`: what its names begin with; empty for names without prefix.
    package var prefix: String
    /// `allow`: which of its tools, prompts and resources are offered; an empty list for all.
    package var allow = NameLists()
    /// `deny`: which of its tools, prompts and resources are not offered, even if allowed.
    package var deny = NameLists()
    /// `timeout`: how long a call may take without a sign of progress.
    package var timeout: Duration = .seconds(60)
    /// `max_timeout`: how long a call may take whatever progress it reports.
    package var maximumTimeout: Duration = .seconds(600)
    /// `connect_timeout`: how long a session may take to begin.
    package var connectTimeout: Duration = .seconds(30)
    /// `refresh`: how often its lists are fetched again though it did not say that they changed; nil (0 in the file) for never.
    package var refreshInterval: Duration? = .seconds(300)
    /// `sessions`: whose sessions with it are.
    package var sessions: Sessions = .auto
    /// `protocol`: in which era of MCP it is spoken to.
    package var protocolChoice: ProtocolChoice = .auto
    /// `scopes`: the scopes that calls of anything of its need.
    package var scopes: [String] = []
    /// `tool_scopes`: the scopes that calls of some of its tools need beside.
    package var toolScopes: [ToolScopes] = []
    /// `disabled`: whether it is left alone.
    package var isDisabled = false

    /// Makes settings with the defaults of everything but name, target and prefix.
    package init(name: String, target: Target, prefix: String) {
        self.name = name
        self.target = target
        self.prefix = prefix
    }

    /// What its resources' URIs begin with, before a `+`: the prefix (or, without one, the name) as a URI scheme may be written
    /// (RFC 3986, section 3.1; in lower case, because clients normalise schemes).
    package var uriPrefix: String { Self.uriPrefix(of: fallbackPrefix) }

    /// The prefix that is used where names have to have one.
    package var fallbackPrefix: String { prefix.isEmpty ? name : prefix }

    /// The form of a prefix that goes into URIs.
    package static func uriPrefix(of prefix: String) -> String {
        String(
            decoding: prefix.lowercased().utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }, as: UTF8.self)
    }
}

/// `command`, `args`, `env`, `cwd`: how a server that is a program is started.
package struct UpstreamCommand: Sendable, Equatable {
    /// `command`: the program, a path or a name to look for in PATH.
    package var program: String
    /// `args`: its arguments.
    package var arguments: [String] = []
    /// `env`: variables that it gets beside those of the gateway.
    package var environment: [String: String] = [:]
    /// `cwd`: where it runs; nil for where the gateway does.
    package var workingDirectory: String?

    /// Makes a command without arguments.
    package init(program: String) { self.program = program }
}

/// `url`, `uds`, `headers`: how a server that speaks HTTP is reached.
package struct UpstreamAddress: Sendable, Equatable {
    /// `url`: its endpoint.
    package var url: String
    /// `type`: how it is spoken to.
    package var transport = Transport.any
    /// `uds`: the Unix socket to connect to, whatever the host of the URL.
    package var socketPath: String?
    /// `headers`: what goes with every request, such as the gateway's own credentials there.
    package var headers: [Header] = []
    /// `oauth`: how the gateway gets a token for it; nil when it needs none.
    package var oauth: UpstreamOAuth?
    /// `tls`: how a connection to an `https` URL is secured; nil for with the system's authorities.
    package var tls: ClientTLSSettings?

    /// Which of MCP's two HTTP transports a server speaks.
    package enum Transport: Sendable, Equatable {
        /// Streamable HTTP, or the older one when the server does not know it.
        case any
        /// Streamable HTTP.
        case streamable
        /// HTTP with server-sent events, the transport of 2024-11-05.
        case sse
    }

    /// One header.
    package struct Header: Sendable, Equatable {
        /// The header's name.
        package var name: String
        /// Its value.
        package var value: String

        /// Makes a header.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Makes an address without headers.
    package init(url: String) { self.url = url }
}

/// Lists of names by what they name; each may be a pattern as a shell writes it (`*`, `?`, `[a-z]`).
package struct NameLists: Sendable, Equatable {
    /// Tools.
    package var tools: [String] = []
    /// Prompts.
    package var prompts: [String] = []
    /// URIs of resources and templates.
    package var resources: [String] = []

    /// Makes empty lists.
    package init() {}
}

/// One of `servers`: a virtual server, which has some of what the upstreams have, at `/servers/{id}/mcp`.
package struct VirtualServerSettings: Sendable, Equatable {
    /// The key under `servers`.
    package var id: String
    /// `description`: what it is for; clients get it as instructions.
    package var description: String?
    /// `mcpServers`: the upstreams it has; empty for all.
    package var upstreams: [String] = []
    /// `tools`, `prompts`, `resources`: the names it has, as it offers them; an empty list for all.
    package var select = NameLists()
    /// `scopes`: the scopes that its use needs.
    package var scopes: [String] = []
    /// `prefix`: whether names begin with their upstream's prefix.
    package var usesPrefixes = true

    /// Makes a virtual server that has everything.
    package init(id: String) { self.id = id }
}
