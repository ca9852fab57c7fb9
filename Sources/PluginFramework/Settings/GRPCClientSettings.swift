// SPDX-License-Identifier: Apache-2.0

/// `gatehouse.grpc_client`: how external plugins are reached over gRPC.
///
/// A section of ours that ContextForge ignores.
public struct GRPCClientSettings: Sendable, Equatable {
    /// `connections`: how many are kept to each address; 0 for one on each event loop.
    public var connections = 0
    /// `max_message_size`: the longest answer, decompressed.
    public var maximumMessageSize = 16 << 20
    /// `max_request_size`: the longest request.
    public var maximumRequestSize = 16 << 20
    /// `max_concurrent_streams`: the most calls of one connection.
    public var maximumConcurrentStreams = 1_000
    /// `multiplexed_calls`: whether calls to a server that can do so share a stream of their connection.
    public var multiplexedCalls = true
    /// `max_waiting_calls`: the most calls that wait for room on a connection.
    public var maximumWaitingCalls = 10_000
    /// `connect_timeout`: how long a new connection may take until it can be used.
    public var connectTimeout: Duration = .seconds(5)
    /// `reconnect_delay`: how long to wait before connecting is tried again; it grows.
    public var reconnectDelay: Duration = .milliseconds(50)
    /// `max_reconnect_delay`: the most that wait grows to.
    public var maximumReconnectDelay: Duration = .seconds(1)
    /// `keepalive_time`: after how long a silence a server with open calls is asked whether it is there; nil (0) never.
    public var keepaliveTime: Duration? = .seconds(20)
    /// `keepalive_timeout`: how long it may take to answer.
    public var keepaliveTimeout: Duration = .seconds(10)
    /// `resolve_interval`: how often a name's addresses are looked up again; nil (0) only after failures.
    public var resolveInterval: Duration? = .seconds(30)
    /// `max_header_list_size`: the longest headers of an answer.
    public var maximumHeaderListSize = 16 << 10
    /// `stream_window_size`: the flow-control window of a call.
    public var streamWindowSize = 1 << 20
    /// `connection_window_size`: the flow-control window of a connection.
    public var connectionWindowSize = 4 << 20
    /// `max_control_frames`: how many PING and SETTINGS frames a server may send at once.
    public var maximumControlFrames = 1_000
    /// `max_stream_faults`: how many malformed answers a connection may cost at once.
    public var maximumStreamFaults = 100
    /// `breaker_failures`: how many calls in a row must fail for calls to be held back.
    public var breakerFailures = 5
    /// `breaker_error_percent`: the share of calls that must fail for calls to be held back, 1 to 100.
    public var breakerErrorPercent = 50
    /// `breaker_min_calls`: how many calls there must be for that share to count.
    public var breakerMinimumCalls = 20
    /// `breaker_window`: the time over which that share is counted.
    public var breakerWindow: Duration = .seconds(10)
    /// `breaker_probe_interval`: how often a server is asked for its health while calls are held back.
    public var breakerProbeInterval: Duration = .seconds(1)
    /// `breaker_probe_timeout`: how long it may take to answer.
    public var breakerProbeTimeout: Duration = .seconds(1)

    /// Makes settings with the defaults.
    public init() {}
}
