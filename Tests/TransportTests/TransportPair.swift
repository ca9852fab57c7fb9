// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPC
import GRPCTransport
import HTTP
import Logging
import MCPTransport
import ModelContextProtocol
import NIOPosix
import PluginFramework
import PluginWire
import SocketTransport
import Sockets
import Synchronization
import Testing

/// A server half and a client half of a transport, put together in this process: what every behaviour is shown on.
///
/// A new transport is one line in ``all``.
struct TransportPair: Sendable, CustomTestStringConvertible {
    /// What runs, and how it is ended.
    struct Running: Sendable {
        /// Runs the plugin.
        let invoker: any PluginInvoker
        /// Runs another plugin of the same server, over the same connections.
        let another: @Sendable (String) async throws -> any PluginInvoker
        /// Ends the server in the middle of its calls.
        let stopServer: @Sendable () async -> Void
        /// Ends the client.
        let stopClient: @Sendable () async -> Void
    }

    /// Where the plugin runs.
    enum Server: Sendable {
        /// In the caller's process: there is no way that could be cut.
        case here
        /// On a server that others start and end.
        case elsewhere
        /// In a process that the client starts, and starts again.
        case child
    }

    let name: String
    let server: Server
    private let start: @Sendable (PluginHost, String) async throws -> Running

    static let all: [TransportPair] = [
        TransportPair(name: "in process", server: .here) { host, _ in
            Running(invoker: host, another: { _ in host }, stopServer: {}, stopClient: {})
        },
        TransportPair(name: "gRPC, TCP", server: .elsewhere) { host, plugin in
            try await .grpc(host, plugin, .tcp(host: "127.0.0.1", port: 0))
        },
        TransportPair(name: "gRPC, Unix socket", server: .elsewhere) { host, plugin in
            try await .grpc(host, plugin, .unix(.temporary()))
        },
        TransportPair(name: "gRPC, a stream for each call", server: .elsewhere) { host, plugin in
            try await .grpc(host, plugin, .unix(.temporary()), sharesStreams: false)
        },
        TransportPair(name: "raw socket", server: .elsewhere) { host, plugin in
            try await .raw(host, plugin, features: [])
        },
        TransportPair(name: "raw socket, multiplexed", server: .elsewhere) { host, plugin in
            try await .raw(host, plugin, features: .overSocket)
        },
        TransportPair(name: "MCP, HTTP", server: .elsewhere) { host, plugin in
            try await .mcp(host, plugin, .tcp(host: "127.0.0.1", port: 0))
        },
        TransportPair(name: "MCP, HTTP over a Unix socket", server: .elsewhere) { host, plugin in
            try await .mcp(host, plugin, .unix(.temporary()))
        },
        TransportPair(name: "MCP, stdio", server: .child) { _, plugin in
            try await .stdio(plugin)
        },
    ]

    var testDescription: String { name }

    /// Serves a plugin, and reaches it over the transport for as long as a closure runs.
    func with(
        _ kind: any Plugin.Type, adjusting adjust: (inout PluginEntry) -> Void = { _ in },
        _ body: (Running) async throws -> Void
    ) async throws {
        var entry = PluginEntry(name: "Probe", kind: "\(kind)")
        entry.description = "shows what a transport carries"
        entry.timeout = .seconds(120)
        adjust(&entry)
        try await with(kind, [entry], body)
    }

    /// Serves several plugins, and reaches the first over the transport for as long as a closure runs.
    func with(_ kind: any Plugin.Type, _ entries: [PluginEntry], _ body: (Running) async throws -> Void) async throws {
        let host = try await PluginHost.load(entries, registry: PluginRegistry([kind]), logger: .silent)
        let running: Running
        do {
            running = try await start(host, entries.first?.name ?? "")
        } catch {
            await host.shutdown()
            throw error
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(running))
        } catch {
            result = .failure(error)
        }
        await running.stopClient()
        await running.stopServer()
        await host.shutdown()
        try result.get()
    }
}

extension TransportPair.Running {
    static func grpc(
        _ host: PluginHost, _ plugin: String, _ address: ListenAddress, sharesStreams: Bool = true
    ) async throws -> Self {
        let bound = AsyncStream<ListenAddress>.makeStream()
        let endpoint = try PluginGRPCEndpoint(service: host)
        let server = try GRPCServer(
            listeners: [ListeningSocket.open(address)], methods: endpoint.methods,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: .silent,
            onListening: { if let first = $0.first { bound.continuation.yield(first) } })
        let serving = Task { try? await server.run() }
        var addresses = bound.stream.makeAsyncIterator()
        var target = ExternalPluginSettings.GRPCTarget()
        switch await addresses.next() {
        case .tcp(let name, let port)?: target.target = "\(name):\(port)"
        case .unix(let settings)?: target.uds = settings.path
        case nil: Issue.record("the server does not listen")
        }
        var configuration = GRPCChannelConfiguration()
        // Other tests may keep the machine busy for a long time; and this is not about how calls are held back.
        configuration.connectTimeout = .seconds(60)
        configuration.breaker.consecutiveFailures = .max
        configuration.breaker.errorRate = 2
        configuration.multiplexesCalls = sharesStreams
        let connector = GRPCPluginConnector(
            configuration: configuration, eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
            logger: .silent)
        let settings = ExternalPluginSettings.grpc(target)
        return try await started(plugin, serving) { try connector.invoker(for: .external($0, settings)) }
    }

    static func raw(_ host: PluginHost, _ plugin: String, features: WireFeatures) async throws -> Self {
        let socket = UnixSocketSettings.temporary()
        let server = SocketServer(
            listener: try ListeningSocket.open(.unix(socket)), service: host, features: features,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: .silent)
        let serving = Task { try? await server.run() }
        var settings = UnixSocketClientSettings()
        settings.connectTimeout = .seconds(60)
        var target = ExternalPluginSettings.UnixSocketTarget(path: socket.path)
        target.timeout = .seconds(120)
        let connector = SocketPluginConnector(
            settings: settings, eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
            logger: .silent)
        let place = ExternalPluginSettings.unixSocket(target)
        return try await started(plugin, serving) { try connector.plugin(for: .external($0, place)) }
    }

    static func mcp(_ host: PluginHost, _ plugin: String, _ address: ListenAddress) async throws -> Self {
        let bound = AsyncStream<ListenAddress>.makeStream()
        let mcp = StreamableHTTPServer(
            application: PluginMCPApplication(service: host, version: "test"),
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, logger: .silent)
        let endpoint = PluginHTTPEndpoint(service: host, mcp: mcp)
        let server = HTTPServer(
            listeners: [try ListeningSocket.open(address)], responder: endpoint,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: .silent,
            onListening: { if let first = $0.first { bound.continuation.yield(first) } })
        let serving = Task { () -> Void? in
            let end: Void? = try? await server.run()
            await mcp.shutDown(grace: .zero)
            return end
        }
        var addresses = bound.stream.makeAsyncIterator()
        var target = ExternalPluginSettings.MCPTarget(transport: .streamableHTTP)
        switch await addresses.next() {
        case .tcp(let name, let port)?: target.url = "http://\(name):\(port)/mcp"
        case .unix(let settings)?:
            target.url = "http://localhost/mcp"
            target.uds = settings.path
        case nil: Issue.record("the server does not listen")
        }
        let connector = MCPPluginConnector(
            callTimeout: .seconds(120), clientVersion: "test", eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: ByteBudget(), logger: .silent)
        let place = ExternalPluginSettings.mcp(target)
        return try await started(plugin, serving) { try connector.plugin(for: .external($0, place)) }
    }

    /// The plugin in a process of its own, which `InteropPlugins` is.
    static func stdio(_ plugin: String) async throws -> Self {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "plugins.yaml",
            """
            plugins:
              - {name: \(plugin), kind: ProbePlugin, description: shows what a transport carries}
            plugin_settings: {plugin_timeout: 120}
            """)
        let program = try TemporaryFolder.builtProgram("InteropPlugins")
        let pidFile = folder.path + "/pid"
        var target = ExternalPluginSettings.MCPTarget(transport: .stdio)
        // The shell becomes the server, so that its process is the server's.
        target.command = [
            "/bin/sh", "-c", #"echo $$ > "$1"; exec "$2" --transport stdio --config "$3" --log-level error"#, "sh",
            pidFile, program, file,
        ]
        let connector = MCPPluginConnector(
            callTimeout: .seconds(120), clientVersion: "test", eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: ByteBudget(), logger: .silent)
        let invoker = try connector.plugin(for: .external(plugin, .mcp(target)))
        await invoker.start(patience: .seconds(60))
        try await eventually("it is admitted") { invoker.downReason == nil }
        return Self(
            invoker: invoker,
            another: { throw NeverHappened(what: "plugin '\($0)' on a server of one plugin") },
            stopServer: {
                guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8),
                    let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
                else { return }
                kill(process, SIGKILL)
            },
            stopClient: {
                await invoker.shutDown()
                folder.remove()
            })
    }

    /// Waits until an external plugin can be called.
    private static func started(
        _ name: String, _ serving: Task<Void?, Never>,
        _ make: @escaping @Sendable (String) throws -> any ExternalPlugin
    ) async throws -> Self {
        let holder = StartedPlugins()
        let another: @Sendable (String) async throws -> any PluginInvoker = { name in
            let plugin = try make(name)
            holder.add(plugin)
            await plugin.start(patience: .seconds(60))
            try await eventually("it is admitted") { plugin.downReason == nil }
            return plugin
        }
        return Self(
            invoker: try await another(name), another: another,
            // Cancelling it is as good as killing it: connections are closed in the middle of calls.
            stopServer: {
                serving.cancel()
                _ = await serving.value
            },
            stopClient: { for plugin in holder.all { await plugin.shutDown() } })
    }
}

/// The plugins that a test has started.
private final class StartedPlugins: Sendable {
    private let plugins = Mutex<[any ExternalPlugin]>([])

    var all: [any ExternalPlugin] { plugins.withLock { $0 } }
    func add(_ plugin: any ExternalPlugin) { plugins.withLock { $0.append(plugin) } }
}

extension PluginEntry {
    /// An external entry.
    static func external(_ name: String, _ settings: ExternalPluginSettings) -> PluginEntry {
        var entry = PluginEntry(name: name, kind: "external")
        entry.external = settings
        return entry
    }
}

extension UnixSocketSettings {
    /// A socket that is removed when its server ends.
    static func temporary() -> UnixSocketSettings {
        let name = UUID().uuidString.prefix(8)
        return UnixSocketSettings(path: NSTemporaryDirectory() + "gatehouse-pair-\(name).sock")
    }
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Waits for something that must come to pass; liveness only, so the limit is generous.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < limit else { throw NeverHappened(what: what) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {
    let what: String
}
