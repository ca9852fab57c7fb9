// SPDX-License-Identifier: Apache-2.0

package import PluginFramework

/// What a client of a raw socket server bears, and how it connects.
package struct SocketChannelConfiguration: Sendable, Hashable {
    /// How many connections are kept to a server of ours; 0 for one on each event loop.
    package var connections: Int
    /// The most connections to a server of another make, each with one call at a time.
    package var maximumConnections: Int
    /// The most calls of one connection to a server of ours.
    package var maximumCallsPerConnection: Int
    /// The longest answer, in bytes.
    package var maximumMessageSize: Int
    /// The longest request, in bytes.
    package var maximumRequestSize: Int
    /// The most calls that wait for a connection.
    package var maximumWaitingCalls: Int
    /// How long a new connection may take until it can be used.
    package var connectTimeout: Duration
    /// How often connecting is tried again before calls end at once; it is tried on in the background.
    package var reconnectAttempts: Int
    /// How long to wait before the first of them; it doubles each time.
    package var reconnectDelay: Duration
    /// The most that wait grows to.
    package var maximumReconnectDelay: Duration
    /// How long one call may take.
    package var callTimeout: Duration

    /// Makes a configuration of what is configured for all raw sockets, and for one target.
    package init(
        _ settings: UnixSocketClientSettings = UnixSocketClientSettings(),
        target: ExternalPluginSettings.UnixSocketTarget = .init(path: "")
    ) {
        connections = settings.connections
        maximumConnections = settings.maximumConnections
        maximumCallsPerConnection = settings.maximumCallsPerConnection
        maximumMessageSize = settings.maximumMessageSize
        maximumRequestSize = settings.maximumRequestSize
        maximumWaitingCalls = settings.maximumWaitingCalls
        connectTimeout = settings.connectTimeout
        maximumReconnectDelay = settings.maximumReconnectDelay
        reconnectAttempts = target.reconnectAttempts
        reconnectDelay = target.reconnectDelay
        callTimeout = target.timeout
    }
}
