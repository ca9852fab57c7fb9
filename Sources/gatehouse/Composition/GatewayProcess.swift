// SPDX-License-Identifier: Apache-2.0

import Gateway
import Glibc
import HTTP
import Logging
import NIOPosix
import PluginConfiguration
import PluginFramework
import PluginServer
import ServiceLifecycle
import Sockets
import TransportSecurity

/// One run of a gateway, from a configuration that is in order to an exit code.
struct GatewayProcess: Sendable {
    private let configuration: LoadedGatewayConfiguration
    private let registry: PluginRegistry
    /// Whether one client is served on standard input and output.
    private let isStdio: Bool
    private let logger: Logger

    private var settings: GatewaySettings { configuration.settings }

    init(configuration: LoadedGatewayConfiguration, registry: PluginRegistry, isStdio: Bool) {
        self.configuration = configuration
        self.registry = registry
        self.isStdio = isStdio
        logger = Logger(label: "gatehouse", factory: StderrLogHandler.factory(configuration.settings.plugins.process))
    }

    /// Loads the plugins, serves until the process is asked to end, drains.
    ///
    /// - Returns: The exit code, see ``ExitStatus``. Why it is not 0 has been told on stderr.
    func run() async -> Int32 {
        ServerProcess.prepare()
        // Before plugins and their libraries are there, which might print.
        let streams = isStdio ? ProtocolStreams.take() : nil
        if isStdio, streams == nil {
            logger.critical("Standard input or output is not open; start the gateway with both, as MCP clients do")
            return ExitStatus.failure
        }
        for warning in configuration.warnings { logger.warning("\(warning)") }
        let enabled = settings.plugins.plugins.count(where: \.isEnabled)
        if !settings.runsPlugins, enabled > 0 {
            logger.warning(
                "PLUGINS_ENABLED is false: the configured plugins do not run, and nothing is checked",
                metadata: ["plugins": "\(enabled)"])
        }
        if settings.upstreams.allSatisfy(\.isDisabled) {
            logger.warning(
                "No MCP server is behind the gateway; name some under mcpServers",
                metadata: ["file": "\(configuration.file)"])
        }
        let tls = TLSStore(logger: logger)
        let security: GatewaySecurity
        do throws(SettingsError) {
            security = try GatewaySecurity(settings, tls: tls, listens: !isStdio)
        } catch {
            StandardStream.error.print("\(configuration.diagnostic(key: error.key, message: error.message))")
            return ExitStatus.configuration
        }
        var plugins: PluginSet?
        if settings.runsPlugins, enabled > 0 {
            do throws(PluginLoadError) {
                plugins = try await PluginSet.load(settings.plugins, registry: registry, tls: tls, logger: logger)
            } catch {
                return report(error)
            }
        }
        let pipeline = plugins?.pipeline
        let metrics: @Sendable (inout PrometheusText) -> Void = { [plugins] metrics in
            plugins?.add(to: &metrics)
            metrics.add(tls.certificates)
        }
        let status = await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await tls.run() }
            if let plugins { tasks.addTask { await plugins.followServers() } }
            defer { tasks.cancelAll() }
            return await serve(pipeline: pipeline, security, metrics, streams)
        }
        await plugins?.shutDown()
        logger.info("Gateway stopped", metadata: ["status": "\(status)"])
        return status
    }

    private func serve(
        pipeline: Pipeline?, _ security: GatewaySecurity,
        _ metrics: @escaping @Sendable (inout PrometheusText) -> Void, _ streams: ProtocolStreams?
    ) async -> Int32 {
        // Before anything that a signal must not leave behind, such as a socket file.
        let server = await ServerProcess(gracePeriod: settings.plugins.process.gracePeriod, logger: logger)
        let gateway = Gateway(
            settings, pipeline: pipeline, version: Version.current,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            budget: ByteBudget(limit: settings.plugins.process.memoryBudget), logger: logger,
            security: security, metrics: metrics)
        if let streams {
            return await server.run(
                GatewayRun { try await gateway.runStdio(input: streams.input, output: streams.output) })
        }
        let listener: ListeningSocket
        do {
            listener = try ListeningSocket.open(address)
        } catch {
            logger.critical("Cannot listen: \(error)")
            return ExitStatus.failure
        }
        for warning in listener.warnings { logger.warning("\(warning)") }
        return await server.run(
            GatewayRun {
                try await gateway.run(listeners: [listener], onListening: { announce($0) })
            })
    }

    private var address: ListenAddress {
        let listen = settings.listen
        if let socket = listen.socket {
            return .unix(UnixSocketSettings(path: socket.path, mode: socket.mode, group: socket.group))
        }
        return .tcp(host: listen.host, port: listen.port)
    }

    /// The lines that people and scripts wait for.
    private func announce(_ addresses: [ListenAddress]) {
        for address in addresses {
            logger.info(
                "Gateway listening",
                metadata: [
                    "address": "\(address)", "tls": "\(settings.listen.tls == nil ? "off" : "on")",
                    "mcp_servers": "\(settings.upstreams.count { !$0.isDisabled })",
                    "plugins": "\(settings.runsPlugins ? settings.plugins.plugins.count(where: \.isEnabled) : 0)",
                ])
        }
        StandardStream.output.print("READY")
    }

    private func report(_ error: PluginLoadError) -> Int32 {
        for diagnostic in configuration.error(for: error).errors { StandardStream.error.print("\(diagnostic)") }
        // A fault of a whole entry, not of one of its keys, is one of the plugin's making: it could not prepare itself.
        return error.faults.contains { !$0.key.isEmpty } ? ExitStatus.configuration : ExitStatus.failure
    }
}

/// A service that is one piece of work.
private struct GatewayRun: Service {
    let work: @Sendable () async throws -> Void

    func run() async throws { try await work() }
}
