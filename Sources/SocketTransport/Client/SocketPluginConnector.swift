// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
package import PluginFramework
package import Sockets
import Synchronization

/// Makes the external plugins that are reached over raw Unix sockets; those with the same socket and the same settings share
/// connections.
package final class SocketPluginConnector: Sendable {
    /// What tells channels apart.
    private struct Key: Hashable {
        let path: String
        let configuration: SocketChannelConfiguration
    }

    private struct Shared {
        let channel: SocketChannel
        var users: Int
    }

    private let channels = Mutex<[Key: Shared]>([:])
    private let settings: UnixSocketClientSettings
    private let eventLoopGroup: any EventLoopGroup
    private let budget: ByteBudget
    private let logger: Logger

    /// Makes a connector.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: where connections live.
    ///   - budget: of bytes in buffered messages, shared by all of the process.
    package init(
        settings: UnixSocketClientSettings = UnixSocketClientSettings(), eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget, logger: Logger
    ) {
        self.settings = settings
        self.eventLoopGroup = eventLoopGroup
        self.budget = budget
        self.logger = logger
    }

    /// Makes the plugin of an external entry; it connects when it is started.
    ///
    /// - Throws: `SettingsError` with the key within the entry when it says not where it runs.
    package func plugin(for entry: PluginEntry) throws(SettingsError) -> SocketPluginInvoker {
        guard case .unixSocket(let target)? = entry.external else {
            throw SettingsError(
                key: "unix_socket", "is not given; an external plugin over a raw socket says there where it runs")
        }
        guard target.path.utf8.first == UInt8(ascii: "/") else {
            throw SettingsError(key: "unix_socket.path", "is not absolute; give a path that begins with /")
        }
        let key = Key(path: target.path, configuration: SocketChannelConfiguration(settings, target: target))
        let channel = channels.withLock { channels in
            let channel =
                channels[key]?.channel
                ?? SocketChannel(
                    path: key.path, configuration: key.configuration, eventLoopGroup: eventLoopGroup, budget: budget,
                    logger: logger)
            channels[key, default: Shared(channel: channel, users: 0)].users += 1
            return channel
        }
        return SocketPluginInvoker(
            entry: entry, channel: channel, callTimeout: target.timeout, logger: logger
        ) {
            await self.release(key)
        }
    }

    /// A plugin needs its channel no more; the last one's is shut down.
    private func release(_ key: Key) async {
        let last = channels.withLock { channels -> SocketChannel? in
            guard var shared = channels[key] else { return nil }
            shared.users -= 1
            channels[key] = shared.users > 0 ? shared : nil
            return shared.users > 0 ? nil : shared.channel
        }
        await last?.shutDown()
    }
}
