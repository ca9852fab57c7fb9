// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Sockets
import Synchronization

/// What all connections of a server share.
final class SocketServerState: Sendable {
    let service: any PluginService
    let settings: UnixSocketServerSettings
    let grace: Duration
    /// What is offered to peers of ours that say hello.
    let features: WireFeatures
    let budget: ByteBudget
    let logger: Logger
    let registry: ConnectionRegistry<SocketServerConnection>
    /// Calls whose plugin has not returned, cancelled ones included.
    let callsInFlight = Atomic<Int>(0)

    init(
        service: any PluginService, settings: UnixSocketServerSettings, features: WireFeatures, grace: Duration,
        budget: ByteBudget, logger: Logger
    ) {
        self.service = service
        self.settings = settings
        self.features = features
        self.grace = grace
        self.budget = budget
        self.logger = logger
        registry = ConnectionRegistry(limit: settings.maximumConnections)
    }

    /// The key of a setting, as errors name it.
    static func key(_ name: StaticString) -> String { "unix_socket_server_settings.\(name)" }

    /// Enters a new connection.
    ///
    /// - Throws: When its peer may not connect, or there are as many as may be; the log says so.
    func admit(_ connection: SocketServerConnection) throws {
        guard isAllowed(connection.peer) else {
            logger.warning(
                "refused a connection: its process is of no user or group that may connect; see \(Self.key("allow_uids"))",
                metadata: ["peer": "\(connection.peer)"])
            throw ChannelError.ioOnClosedChannel
        }
        guard registry.admit(connection) else {
            logger.warning(
                "refused a connection: \(Self.key("max_connections")) is reached, or the server is ending",
                metadata: ["peer": "\(connection.peer)", "limit": "\(registry.limit)"])
            throw ChannelError.ioOnClosedChannel
        }
        logger.debug("a peer connected", metadata: ["peer": "\(connection.peer)"])
    }

    private func isAllowed(_ peer: PeerCredentials) -> Bool {
        guard settings.allowedUsers != nil || settings.allowedGroups != nil else { return true }
        return settings.allowedUsers?.contains(peer.user) == true
            || settings.allowedGroups?.contains(peer.group) == true
    }

    /// Counts a call in; false when as many run as may.
    func beginCall() -> Bool {
        let now = callsInFlight.wrappingAdd(1, ordering: .relaxed).newValue
        guard now <= settings.maximumCallsInFlight else {
            endCall()
            return false
        }
        return true
    }

    func endCall() { callsInFlight.wrappingSubtract(1, ordering: .relaxed) }
}
