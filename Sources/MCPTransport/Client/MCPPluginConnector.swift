// SPDX-License-Identifier: Apache-2.0

import HTTP
package import Logging
import ModelContextProtocol
package import NIOCore
package import PluginFramework
package import Sockets
import Synchronization
package import TransportSecurity
import Values

/// Makes the external plugins that are reached over MCP; those with the same server and the same settings share a session.
package final class MCPPluginConnector: Sendable {
    private struct Shared {
        let channel: MCPPluginChannel
        /// What tells its HTTP client from others.
        let security: String
        var users: Int
    }

    private struct State {
        /// By what tells servers apart.
        var channels: [ExternalPluginSettings.MCPTarget: Shared] = [:]
        /// By the identity of their security.
        var httpClients: [String: HTTPClient] = [:]
    }

    private let state = Mutex(State())
    private let callTimeout: Duration
    private let clientVersion: String
    private let eventLoopGroup: any EventLoopGroup
    private let budget: ByteBudget
    private let logger: Logger
    private let tls: TLSStore

    /// Makes a connector.
    ///
    /// - Parameters:
    ///   - callTimeout: the time limit of a call without a deadline, unless the entry has a `timeout` of its own.
    ///   - clientVersion: what servers are told.
    ///   - eventLoopGroup: where connections live.
    ///   - budget: of bytes in buffered messages, shared by all of the process.
    ///   - tls: keeps certificates in step with their files, if it is run; nil for a store of one's own that is not.
    package init(
        callTimeout: Duration, clientVersion: String, eventLoopGroup: any EventLoopGroup, budget: ByteBudget,
        logger: Logger, tls: TLSStore? = nil
    ) {
        self.tls = tls ?? TLSStore(logger: logger)
        self.callTimeout = callTimeout
        self.clientVersion = clientVersion
        self.eventLoopGroup = eventLoopGroup
        self.budget = budget
        self.logger = logger
    }

    /// Makes the plugin of an external entry; it connects when it is started.
    ///
    /// - Throws: `SettingsError` with the key within the entry when it says not where it runs, or asks for what there is not.
    package func plugin(for entry: PluginEntry) throws(SettingsError) -> MCPPluginInvoker {
        guard case .mcp(let target)? = entry.external else {
            throw SettingsError(key: "mcp", "is not given; an external plugin over MCP says there where it runs")
        }
        var configuration = MCPPluginChannel.Configuration(
            transport: try transport(target, plugin: entry.name), target: target.description,
            reconnectAttempts: target.reconnectAttempts, reconnectDelay: target.reconnectDelay,
            clientInfo: ["name": "gatehouse", "version": .string(clientVersion)])
        // A delay of nothing would be a busy loop.
        configuration.reconnectDelay = max(configuration.reconnectDelay, .milliseconds(10))
        // Made even when there is a client for it: what is wrong with the files is told for each entry.
        let security = try security(target, of: entry)
        let channel = state.withLock { state in
            if let channel = state.channels[target]?.channel {
                state.channels[target]?.users += 1
                return channel
            }
            let client = state.httpClients[security.identity] ?? makeHTTPClient(security)
            state.httpClients[security.identity] = client
            let channel = MCPPluginChannel(
                configuration, httpClient: client, eventLoopGroup: eventLoopGroup, logger: logger)
            state.channels[target] = Shared(channel: channel, security: security.identity, users: 1)
            return channel
        }
        return MCPPluginInvoker(
            entry: entry, channel: channel, transport: target.transport == .stdio ? "MCP stdio" : "MCP HTTP",
            callTimeout: callTimeout, logger: logger
        ) {
            await self.release(target)
        }
    }

    private func makeHTTPClient(_ security: HTTPClientSecurity) -> HTTPClient {
        HTTPClient(security: security, eventLoopGroup: eventLoopGroup, budget: budget, logger: logger)
    }

    /// How connections are secured: with TLS if the URL says so, trusting the system's authorities unless `tls` names others.
    private func security(
        _ target: ExternalPluginSettings.MCPTarget, of entry: PluginEntry
    ) throws(SettingsError) -> HTTPClientSecurity {
        guard target.transport == .streamableHTTP, target.url?.lowercased().hasPrefix("https:") == true else {
            return .plaintext
        }
        do throws(TLSSettingsError) {
            let settings = target.tls ?? ClientTLSSettings()
            return .tls(try tls.client(settings, for: .http1, place: "plugin '\(entry.name)' mcp.tls"))
        } catch {
            throw SettingsError(key: "mcp.tls.\(error.key)", error.message)
        }
    }

    private func transport(
        _ target: ExternalPluginSettings.MCPTarget, plugin: String
    ) throws(SettingsError) -> MCPClientTransportSettings {
        switch target.transport {
        case .streamableHTTP:
            guard let url = target.url else {
                throw SettingsError(key: "mcp.url", "is not given; STREAMABLEHTTP needs the server's URL")
            }
            let address: HTTPAddress
            do throws(HTTPAddressError) {
                address = try HTTPAddress(url, unixSocket: target.uds)
            } catch {
                throw SettingsError(key: target.uds == nil ? "mcp.url" : "mcp.uds", error.message)
            }
            // A file that says both would get one of them, and might have meant the other.
            if address.origin.scheme == .http, target.tls != nil {
                throw SettingsError(
                    key: "mcp.tls", "needs a URL with https://, and this one is in plain text; change one of them")
            }
            if address.origin.scheme == .https, target.uds != nil {
                throw SettingsError(
                    key: "mcp.url", "TLS does not go with a Unix socket, which only its owner can reach; write http://")
            }
            var settings = MCPHTTPClientSettings(url: url, unixSocket: target.uds)
            // Plugin servers send nothing that belongs to no call.
            settings.opensStream = false
            return .http(settings)
        case .stdio:
            let (command, arguments) = try target.program
            var settings = MCPStdioClientSettings(
                command: command, arguments: arguments,
                environment: target.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
                workingDirectory: target.workingDirectory)
            settings.standardErrorLine = { [logger] line in
                logger.debug("\(line)", metadata: ["plugin": "\(plugin)", "stream": "stderr"])
            }
            return .stdio(settings)
        }
    }

    /// A plugin needs its channel no more; the last one's is shut down, and after its last channel an HTTP client.
    private func release(_ target: ExternalPluginSettings.MCPTarget) async {
        let (channel, client) = state.withLock { state -> (MCPPluginChannel?, HTTPClient?) in
            guard var shared = state.channels[target] else { return (nil, nil) }
            shared.users -= 1
            guard shared.users == 0 else {
                state.channels[target] = shared
                return (nil, nil)
            }
            state.channels[target] = nil
            let isLast = !state.channels.values.contains { $0.security.hasSameBytes(as: shared.security) }
            return (shared.channel, isLast ? state.httpClients.removeValue(forKey: shared.security) : nil)
        }
        await channel?.shutDown()
        await client?.shutDown()
    }
}

extension ExternalPluginSettings.MCPTarget {
    /// The server as operators write it.
    fileprivate var description: String {
        switch transport {
        case .streamableHTTP: uds.map { "\(url ?? "") at unix:\($0)" } ?? url ?? ""
        case .stdio: script ?? command.joined(separator: " ")
        }
    }

    /// The program to start, as ContextForge's client finds it: a script by its kind, else a command.
    fileprivate var program: (command: String, arguments: [String]) {
        get throws(SettingsError) {
            if let first = command.first { return (first, Array(command.dropFirst())) }
            guard let script, !script.isEmpty else {
                throw SettingsError(key: "mcp", "needs script or cmd with proto: STDIO; give one")
            }
            // A relative script is found from the folder that the server runs in.
            let isRelative = script.utf8.first != UInt8(ascii: "/")
            let path = isRelative && workingDirectory == nil ? "./\(script)" : script
            if script.hasSuffix(".py") { return ("python3", [path]) }
            if script.hasSuffix(".sh") { return ("sh", [path]) }
            if isRelative, let workingDirectory { return ("\(workingDirectory)/\(script)", []) }
            return (path, [])
        }
    }
}
