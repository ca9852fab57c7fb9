// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
package import PluginConfiguration
package import PluginFramework
import Sockets
import TransportSecurity

/// One run of a plugin server, from a configuration that is in order to an exit code.
package struct PluginServerProcess: Sendable {
    let configuration: LoadedConfiguration
    private let registry: PluginRegistry
    let logger: Logger

    /// Makes a run.
    package init(configuration: LoadedConfiguration, registry: PluginRegistry) {
        self.configuration = configuration
        self.registry = registry
        logger = Logger(label: "gatehouse", factory: StderrLogHandler.factory(configuration.settings.process))
    }

    /// Loads the plugins, serves until the process is asked to end, drains.
    ///
    /// - Returns: The exit code, see ``ExitStatus``. Why it is not 0 has been told on stderr.
    package func run() async -> Int32 {
        ServerProcess.prepare()
        // Before plugins and their libraries are there, which might print.
        let streams = configuration.settings.transports.contains(.stdio) ? ProtocolStreams.take() : nil
        for warning in configuration.warnings { logger.warning("\(warning)") }

        let host: PluginHost
        do throws(PluginLoadError) {
            host = try await PluginHost.load(
                configuration.settings.plugins, registry: registry,
                configuration: PluginHostConfiguration(configuration.settings), logger: logger)
        } catch {
            return report(error)
        }
        let status = await serve(host, streams)
        await host.shutdown()
        logger.info("Plugin server stopped", metadata: ["status": "\(status)"])
        return status
    }

    private func serve(_ host: PluginHost, _ streams: ProtocolStreams?) async -> Int32 {
        let settings = configuration.settings
        // Before anything that a signal must not leave behind, such as a socket file.
        let server = await ServerProcess(gracePeriod: settings.process.gracePeriod, logger: logger)
        let announcement = ListeningAnnouncement(settings, logger: logger)
        let tls = TLSStore(logger: logger)
        let transports: ServedTransports
        do throws(ServingError) {
            transports = try ServedTransports.open(
                ServingContext(
                    host: host, settings: settings, budget: ByteBudget(limit: settings.process.memoryBudget),
                    eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
                    tls: tls, protocolStreams: streams,
                    diagnostic: { [configuration] in configuration.diagnostic(key: $0, message: $1) },
                    onListening: announcement.announce))
        } catch {
            logger.critical("\(error)")
            return error.status
        }
        for warning in transports.transports.flatMap(\.warnings) { logger.warning("\(warning)") }
        await transports.publishHealth()
        return await server.run(transports) { drain in
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await transports.followHealth() }
                tasks.addTask { await tls.run() }
                for await _ in transports.firstEnd { await drain() }
            }
        }
    }

    private func report(_ error: PluginLoadError) -> Int32 {
        for fault in error.faults where !configuration.settings.plugins.isEmpty {
            StandardStream.error.print(
                "\(configuration.diagnostic(plugin: fault.index, key: fault.key, message: fault.message))")
        }
        // A fault of a whole entry, not of one of its keys, is one of the plugin's making: it could not prepare itself.
        return error.faults.contains { !$0.key.isEmpty } ? ExitStatus.configuration : ExitStatus.failure
    }
}
