// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework

/// Where a plugin runs that is to be called.
enum BenchTarget: Sendable {
    /// On a plugin server.
    case external(ExternalPluginSettings)
    /// Where its entry in a configuration file says, which may be this process.
    case configured(String)
}

/// Which plugin is to be called, and where it runs.
struct BenchTargetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A plugin server over gRPC.", valueName: "host:port"))
    var target: String?

    @Option(help: ArgumentHelp("A plugin server over gRPC on a Unix socket.", valueName: "path"))
    var uds: String?

    @Option(help: ArgumentHelp("A plugin server over length-prefixed frames on a Unix socket.", valueName: "path"))
    var unixSocket: String?

    @Option(help: ArgumentHelp("A plugin server over MCP, such as http://127.0.0.1:8000/mcp.", valueName: "url"))
    var mcpURL: String?

    @Option(help: ArgumentHelp("The Unix socket through which --mcp-url is reached.", valueName: "path"))
    var mcpUDS: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A configuration that has the plugin: in this process, or as its entry says.", valueName: "file"))
    var config: String?

    @Option(help: "The plugin's name.")
    var plugin: String?

    @Option(help: "The hook.")
    var hook = "tool_pre_invoke"

    @Option(help: "What the hook is about, as JSON; - reads it from stdin (default: a small tool call).")
    var payload: String?

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("A plugin server over MCP on its stdin and stdout.", valueName: "command"))
    var command: [String] = []

    @Flag(
        help: "Ask through a pipeline of the plugin, as a gateway does; with --config and no --plugin, of all plugins.")
    var pipeline = false

    /// Where the plugin runs.
    var place: BenchTarget {
        get throws {
            var chosen: [BenchTarget] = []
            if let config { chosen.append(.configured(config)) }
            if target != nil || uds != nil {
                var settings = ExternalPluginSettings.GRPCTarget()
                settings.target = target
                settings.uds = uds
                chosen.append(.external(.grpc(settings)))
            }
            if let unixSocket { chosen.append(.external(.unixSocket(.init(path: unixSocket)))) }
            if let mcpURL {
                var settings = ExternalPluginSettings.MCPTarget(transport: .streamableHTTP)
                settings.url = mcpURL
                settings.uds = mcpUDS
                chosen.append(.external(.mcp(settings)))
            }
            if !command.isEmpty {
                var settings = ExternalPluginSettings.MCPTarget(transport: .stdio)
                settings.command = command
                chosen.append(.external(.mcp(settings)))
            }
            guard chosen.count == 1, target == nil || uds == nil else {
                throw ValidationError(
                    "Say once where the plugin runs: --target, --uds, --unix-socket, --mcp-url, --config, or -- and a command."
                )
            }
            guard plugin != nil || (config != nil && pipeline) else {
                throw ValidationError("Say which plugin to call: --plugin and its name.")
            }
            guard mcpUDS == nil || mcpURL != nil else {
                throw ValidationError("--mcp-uds needs --mcp-url beside it: the URL says what to ask there for.")
            }
            return chosen[0]
        }
    }

    /// The payload's text.
    func jsonBytes() throws -> [UInt8] {
        switch payload {
        case "-"?: return try StandardInput.readAll()
        case let payload?: return Array(payload.utf8)
        case nil:
            guard hook == "tool_pre_invoke" else {
                throw ValidationError("The hook \(hook) needs a payload of its own: give --payload.")
            }
            return Array(#"{"name":"search","args":{"query":"swift"}}"#.utf8)
        }
    }
}
