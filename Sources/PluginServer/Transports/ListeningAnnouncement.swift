// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import Synchronization

/// Tells where the process listens, and that it is ready once all of its transports listen.
final class ListeningAnnouncement: Sendable {
    private let missing: Mutex<Set<PluginServerTransport>>
    private let plugins: Int
    private let stream: StandardStream
    private let logger: Logger

    /// Makes the announcement of a process.
    init(_ settings: PluginServerSettings, logger: Logger) {
        missing = Mutex(Set(settings.transports))
        plugins = settings.plugins.count(where: \.isEnabled)
        // With stdio, standard output belongs to the client.
        stream = settings.transports.contains(.stdio) ? .error : .output
        self.logger = logger
    }

    /// A transport listens: the lines that people and scripts wait for.
    func announce(_ transport: PluginServerTransport, at addresses: [String]) {
        for address in addresses {
            logger.info(
                "Plugin server listening",
                metadata: [
                    "address": "\(address)", "transport": "\(transport.rawValue)", "plugins": "\(plugins)",
                ])
        }
        let isReady = missing.withLock { missing in
            missing.remove(transport) != nil && missing.isEmpty
        }
        if isReady { stream.print("READY") }
    }
}
