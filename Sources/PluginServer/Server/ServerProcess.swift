// SPDX-License-Identifier: Apache-2.0

import CPluginTrace
import Glibc
package import Logging
import PluginConfiguration
import PluginFramework
package import ServiceLifecycle
import UnixSignals

/// What every server of ours does about signals: the first one drains, the second ends the process where it stands.
package struct ServerProcess: Sendable {
    /// How much longer than the grace period the end may take: connections, then each plugin's `shutdown()`.
    private static let shutdownPatience = Duration.seconds(15)

    private let gracePeriod: Duration
    private let logger: Logger
    private let signals: UnixSignalsSequence

    /// Begins to watch for signals; to be made before anything that a signal must not leave behind, such as a socket file.
    package init(gracePeriod: Duration, logger: Logger) async {
        self.gracePeriod = gracePeriod
        self.logger = logger
        signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    }

    /// Prepares the process itself: peers that go away are no signal, and a crash names the plugin that caused it.
    package static func prepare() {
        plugin_trace_install_crash_handler()
        signal(SIGPIPE, SIG_IGN)
    }

    /// Runs a service until it ends, or a signal asks it to.
    ///
    /// - Parameter work: What is done meanwhile, cancelled when the service has ended; it is given what asks the service to drain.
    /// - Returns: The exit code, see `ExitStatus`. Why it is not 0 has been told in the log.
    package func run(
        _ service: any Service,
        alongside work: @escaping @Sendable (_ drain: @escaping @Sendable () async -> Void) async -> Void = { _ in }
    ) async -> Int32 {
        let services = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)], logger: quiet
            )
        )
        return await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await follow(services) }
            tasks.addTask { await work { await services.triggerGracefulShutdown() } }
            defer { tasks.cancelAll() }
            do {
                try await services.run()
                return ExitStatus.success
            } catch {
                logger.critical("The server failed: \(error)")
                return ExitStatus.failure
            }
        }
    }

    private func follow(_ services: ServiceGroup) async {
        await withTaskGroup(of: Void.self) { tasks in
            var isDraining = false
            for await signal in signals {
                if isDraining {
                    logger.warning("Second signal: ending at once", metadata: ["signal": "\(signal)"])
                    exit(ExitStatus.signal(signal == .sigterm ? SIGTERM : SIGINT))
                }
                isDraining = true
                logger.info(
                    "Draining: no new connections, calls in flight may end",
                    metadata: ["signal": "\(signal)", "grace": "\(gracePeriod.secondsDescription)"])
                tasks.addTask { await endAnyway() }
                await services.triggerGracefulShutdown()
            }
            tasks.cancelAll()
        }
    }

    /// A plugin that never gives its thread back can hold up a drain for ever; the one who sent the signal must not wait.
    private func endAnyway() async {
        guard (try? await Task.sleep(for: gracePeriod + Self.shutdownPatience)) != nil else { return }
        logger.error("The drain does not end, a plugin may hold its thread: ending without it")
        exit(ExitStatus.failure)
    }

    /// Service groups log each step; what a user needs to know is logged here.
    private var quiet: Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}
