// SPDX-License-Identifier: Apache-2.0

import Authentication
package import HTTP
package import Logging
import ModelContextProtocol
package import NIOCore
package import PluginFramework
import ServiceLifecycle
package import Sockets
import Values

/// An MCP gateway: the MCP servers behind it as one, with plugins around every call.
///
/// It sees plugins only as a pipeline, and knows neither where they run nor where configuration comes from.
package final class Gateway: Sendable {
    private let settings: GatewaySettings
    private let upstreams: UpstreamSet
    private let servers: [VirtualServer]
    private let policy: Policy
    private let status: GatewayStatus
    private let info: ValueObject
    private let eventLoopGroup: any EventLoopGroup
    private let security: GatewaySecurity
    private let clients: GatewayClients
    private let version: String
    private let otherMetrics: @Sendable (inout PrometheusText) -> Void
    private let budget: ByteBudget
    private let shares: FairShares
    private let stateless: StatelessClients
    /// What requests begin outside of their endpoint; ends after the last connection.
    private let tasks = OwnedTasks()
    private let logger: Logger

    /// Makes a gateway; nothing runs before ``run(listeners:onListening:)`` or ``runStdio()``, one of which is to be called once.
    ///
    /// - Parameters:
    ///   - pipeline: The plugins; nil when none are to run.
    ///   - version: What the gateway says of itself.
    ///   - budget: Of bytes in buffered messages.
    ///   - security: How connections are secured; by default they are not.
    ///   - metrics: Adds what is known of plugins and certificates to the gateway's own metrics.
    package init(
        _ settings: GatewaySettings, pipeline: Pipeline?, version: String, eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget, logger: Logger, security: GatewaySecurity = GatewaySecurity(),
        metrics: @escaping @Sendable (inout PrometheusText) -> Void = { _ in }
    ) {
        self.version = version
        otherMetrics = metrics
        self.settings = settings
        self.eventLoopGroup = eventLoopGroup
        self.budget = budget
        shares = FairShares(FairShareLimits(settings.limits))
        stateless = StatelessClients(settings, eventLoop: eventLoopGroup.next())
        self.logger = logger
        self.security = security
        clients = GatewayClients(
            security, limits: settings.limits, eventLoopGroup: eventLoopGroup, budget: budget, logger: logger)
        info = ["name": "gatehouse", "title": "Gatehouse", "version": .string(version)]
        policy = Policy(pipeline, includesUserInfo: settings.plugins.pipeline.includesUserInfo)
        let upstreams = UpstreamSet(
            settings, connector: UpstreamConnector(info: info, clients: clients, eventLoopGroup: eventLoopGroup),
            logger: logger)
        self.upstreams = upstreams
        servers =
            [VirtualServer(VirtualServerSettings(id: ""), id: nil, among: upstreams.all, logger: logger)]
            + settings.servers.map { VirtualServer($0, id: $0.id, among: upstreams.all, logger: logger) }
        status = GatewayStatus(
            upstreams, version: version, pluginCount: settings.plugins.plugins.count(where: \.isEnabled),
            runsPlugins: settings.runsPlugins)
    }

    private func application(of server: VirtualServer) -> GatewayApplication {
        GatewayApplication(
            server: server, policy: policy, upstreams: upstreams, shares: shares, stateless: stateless, info: info,
            logger: logger)
    }

    /// Keeps the upstreams, and lets virtual servers know when they change.
    private func runUpstreams() async {
        let servers = servers
        await upstreams.run { upstream in
            for server in servers where server.upstreams.contains(where: { $0 === upstream }) { server.refresh() }
        }
    }

    // MARK: HTTP

    /// Serves HTTP clients until graceful shutdown, and drains.
    ///
    /// - Parameters:
    ///   - listeners: Where to listen.
    ///   - onListening: Called once connections are accepted, with the addresses and the ports chosen.
    /// - Throws: when a listening socket cannot be served, or fails later.
    package func run(
        listeners: [ListeningSocket], onListening: @escaping @Sendable ([ListenAddress]) -> Void = { _ in }
    ) async throws {
        let authentication: GatewayAuthentication
        do throws(KeyError) {
            authentication = try await GatewayAuthentication.make(settings, clients: clients, logger: logger)
        } catch {
            for listener in listeners { listener.close() }
            await clients.shutDown()
            throw error
        }
        let routes = servers.map { server in
            GatewayResponder.Route(
                server: server.id,
                endpoint: StreamableHTTPServer(
                    application: application(of: server), settings: endpointSettings(listeners),
                    admission: GatewayAdmission(
                        server: server, authentication: authentication, policy: policy, logger: logger),
                    eventLoopGroup: eventLoopGroup, logger: logger))
        }
        let status = status
        let metrics = GatewayMetrics(
            authentication.requests, counters: policy.counters, upstreams: upstreams, version: version, tasks: tasks,
            others: otherMetrics)
        let http = HTTPServer(
            listeners: listeners,
            responder: GatewayResponder(
                routes, status: status, metrics: metrics, policy: policy, tasks: tasks,
                resource: authentication.resource),
            configuration: httpConfiguration, security: security.listener, eventLoopGroup: eventLoopGroup,
            budget: budget, logger: logger,
            onListening: onListening,
            onDraining: { status.drain() })
        metrics.attach(http)
        // Shut down one after the other from the last: sessions and their streams end first, then connections, then keys and upstreams.
        try await run(authentication.services + [http] + routes.map(\.endpoint))
    }

    /// Serves one client on standard input and output until it leaves, or until graceful shutdown.
    ///
    /// - Parameters:
    ///   - input: The descriptor that the client's messages come from.
    ///   - output: The descriptor that ours go to.
    /// - Throws: when they are no pipes, sockets or terminals.
    package func runStdio(input: CInt = 0, output: CInt = 1) async throws {
        var limits = MCPServerLimits()
        limits.maxCallsPerSession = settings.limits.maximumCallsPerSession
        try await run([
            StdioServer(
                application: application(of: servers[0]), limits: limits,
                maxMessageBytes: settings.limits.maximumBodySize, drainGrace: settings.plugins.process.gracePeriod,
                input: input, output: output, eventLoopGroup: eventLoopGroup, logger: logger)
        ])
    }

    private func run(_ services: [any Service]) async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let upstreams = UpstreamService { [self] in await runUpstreams() }
        let group = ServiceGroup(
            configuration: .init(
                services: ([upstreams, stateless] + services).map {
                    .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
                }, logger: quiet))
        let status = status
        let result: Result<Void, any Error>
        do {
            try await withGracefulShutdownHandler {
                try await group.run()
            } onGracefulShutdown: {
                status.drain()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await tasks.end()
        await clients.shutDown()
        try result.get()
    }

    private func endpointSettings(_ listeners: [ListeningSocket]) -> StreamableHTTPSettings {
        var endpoint = StreamableHTTPSettings()
        endpoint.limits.maxSessions = settings.limits.maximumSessions
        endpoint.limits.sessionIdleTimeout = settings.limits.sessionIdle
        endpoint.limits.maxCallsPerSession = settings.limits.maximumCallsPerSession
        endpoint.limits.maxStreamsPerSession = settings.limits.maximumStreamsPerSession
        endpoint.limits.maxReplayEvents = settings.limits.maximumReplayEvents
        endpoint.limits.maxReplayBytes = settings.limits.maximumReplayBytes
        endpoint.limits.maxReplayBytesPerSession = settings.limits.maximumReplayBytesPerSession
        endpoint.limits.replayTime = settings.limits.replayTime
        endpoint.origins.origins = settings.listen.allowedOrigins
        endpoint.origins.hosts = allowedHosts(listeners)
        return endpoint
    }

    /// The names under which the gateway may be called; nil for any.
    ///
    /// A page that makes a name of its own point here is kept out by that (DNS rebinding). Who listens on all interfaces and says
    /// nothing has tokens, or wants anybody.
    private func allowedHosts(_ listeners: [ListeningSocket]) -> [String]? {
        let listen = settings.listen
        let wildcards = ["0.0.0.0", "::", "[::]", "*"]
        guard !listen.allowedHosts.isEmpty || !wildcards.contains(where: { $0.hasSameBytes(as: listen.host) }) else {
            return nil
        }
        return MCPOriginPolicy.loopbackHosts + [listen.host] + listen.allowedHosts
    }

    private var httpConfiguration: HTTPServerConfiguration {
        var http = HTTPServerConfiguration()
        http.section = "limits"
        http.maxHeaderSize = settings.limits.maximumHeaderSize
        http.maxBodySize = settings.limits.maximumBodySize
        http.maxConnections = settings.limits.maximumConnections
        http.requestTimeout = settings.limits.requestTimeout
        http.idleTimeout = settings.limits.idleTimeout
        http.drainGrace = settings.plugins.process.gracePeriod
        return http
    }
}

/// The upstreams as a service: they outlive the sessions that use them.
private struct UpstreamService: Service {
    let work: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown { await work() }
        // Without upstreams there is no work, and a gateway all the same.
        try? await gracefulShutdown()
    }
}
