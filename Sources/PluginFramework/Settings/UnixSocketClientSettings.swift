// SPDX-License-Identifier: Apache-2.0

/// `gatehouse.unix_socket_client`: how external plugins are reached over raw Unix sockets.
///
/// A section of ours that ContextForge ignores.
public struct UnixSocketClientSettings: Sendable, Equatable {
    /// `connections`: how many are kept to a server of ours, each with any number of calls; 0 for one on each event loop.
    public var connections = 0
    /// `max_connections`: the most connections to a server of another make, each with one call at a time.
    public var maximumConnections = 64
    /// `max_calls_per_connection`: the most calls of one connection to a server of ours.
    public var maximumCallsPerConnection = 1_000
    /// `max_message_size`: the longest answer.
    public var maximumMessageSize = 16 << 20
    /// `max_request_size`: the longest request.
    public var maximumRequestSize = 16 << 20
    /// `max_waiting_calls`: the most calls that wait for a connection.
    public var maximumWaitingCalls = 10_000
    /// `connect_timeout`: how long a new connection may take until it can be used.
    public var connectTimeout: Duration = .seconds(5)
    /// `max_reconnect_delay`: the most that the wait before connecting is tried again grows to.
    public var maximumReconnectDelay: Duration = .seconds(1)

    /// Makes settings with the defaults.
    public init() {}
}
