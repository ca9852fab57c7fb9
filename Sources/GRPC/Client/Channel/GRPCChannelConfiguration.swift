// SPDX-License-Identifier: Apache-2.0

/// The limits and times of a gRPC client.
///
/// An error that a limit causes names the limit and its key under `gatehouse.grpc_client`.
package struct GRPCChannelConfiguration: Sendable, Equatable {
    /// How many connections are kept to each address; nil for one on each event loop.
    ///
    /// One carries `maxConcurrentStreams` calls at a time. A call that begins on an event loop with a connection of its own does
    /// not leave its thread. Default nil; key `connections`.
    package var connections: Int?

    /// The longest answer, in bytes, after decompression.
    ///
    /// Default 16 MiB; key `max_message_size`.
    package var maxMessageSize = 16 << 20

    /// The longest request, in bytes.
    ///
    /// Default 16 MiB; key `max_request_size`.
    package var maxRequestSize = 16 << 20

    /// The most calls open on one connection; the server's own limit counts when it is lower.
    ///
    /// Default 1,000; key `max_concurrent_streams`.
    package var maxConcurrentStreams = 1_000

    /// Whether calls share a stream of their connection with servers that can do so.
    ///
    /// Default true; key `multiplexed_calls`.
    package var multiplexesCalls = true

    /// The most calls that wait for room on a connection; more end with RESOURCE_EXHAUSTED.
    ///
    /// Default 10,000; key `max_waiting_calls`.
    package var maxWaitingCalls = 10_000

    /// How long a call may take for which the caller sets no time.
    ///
    /// Default 30 s.
    package var callTimeout: Duration = .seconds(30)

    /// How long a new connection may take until it can be used, the exchange of settings included.
    ///
    /// Default 5 s; key `connect_timeout`.
    package var connectTimeout: Duration = .seconds(5)

    /// How long to wait before connecting is tried again; it grows by 1.6 each time, and a fifth of it is random.
    ///
    /// Default 50 ms; key `reconnect_delay`.
    package var reconnectDelay: Duration = .milliseconds(50)

    /// The most that wait grows to.
    ///
    /// Default 1 s, so that a server is found again soon after its return; key `max_reconnect_delay`.
    package var maxReconnectDelay: Duration = .seconds(1)

    /// After how long without a byte from the server we send a PING while calls are open; nil never.
    ///
    /// Default 20 s; key `keepalive_time`. A server that calls our PINGs too many makes us double it for that address.
    package var keepaliveTime: Duration? = .seconds(20)

    /// How long the server may take to answer a PING before the connection is given up.
    ///
    /// Default 10 s; key `keepalive_timeout`.
    package var keepaliveTimeout: Duration = .seconds(10)

    /// How often the addresses of a name are looked up again; nil only when a connection fails.
    ///
    /// Default 30 s; key `resolve_interval`.
    package var resolveInterval: Duration? = .seconds(30)

    /// The longest header list of an answer, in bytes as RFC 9113 section 6.5.2 counts them.
    ///
    /// Default 16 KiB; key `max_header_list_size`.
    package var maxHeaderListSize = 16 << 10

    /// The flow-control window of each stream, in bytes.
    ///
    /// Default 1 MiB; key `stream_window_size`.
    package var streamWindowSize = 1 << 20

    /// The flow-control window of a connection, in bytes.
    ///
    /// Default 4 MiB; key `connection_window_size`.
    package var connectionWindowSize = 4 << 20

    /// How many PING and SETTINGS frames a server may send at once before its connection is closed for abuse.
    ///
    /// A tenth of this comes back every second, and one for every call and every DATA frame. Default 1,000; key
    /// `max_control_frames`.
    package var maxControlFrames = 1_000

    /// How many malformed or misplaced frames of streams a connection may cost before it is closed; calls that complete
    /// give one back.
    ///
    /// Default 100; key `max_stream_faults`.
    package var maxStreamFaults = 100

    /// When calls stop being sent to a server that fails.
    package var breaker = Breaker()

    /// The defaults.
    package init() {}

    /// When a breaker opens, and how it closes again.
    package struct Breaker: Sendable, Equatable {
        /// How many calls in a row must fail for the breaker to open.
        ///
        /// A call fails that reached a connection and ended by its deadline, by the loss of the connection, or by what is no
        /// answer of gRPC. Default 5; key `breaker_failures`.
        package var consecutiveFailures = 5

        /// The share of calls within `window` that must fail for the breaker to open, above 0 to 1.
        ///
        /// Default 0.5; key `breaker_error_percent`, in hundredths.
        package var errorRate = 0.5

        /// How many calls there must be within `window` for their error rate to count.
        ///
        /// Default 20; key `breaker_min_calls`.
        package var minimumCalls = 20

        /// The time over which the error rate is counted.
        ///
        /// Default 10 s; key `breaker_window`.
        package var window: Duration = .seconds(10)

        /// How often the server is asked for its health while the breaker is open.
        ///
        /// Default 1 s; key `breaker_probe_interval`.
        package var probeInterval: Duration = .seconds(1)

        /// How long it may take to answer.
        ///
        /// Default 1 s; key `breaker_probe_timeout`.
        package var probeTimeout: Duration = .seconds(1)

        /// Methods like `grpc.health.v1.Health/Check` to ask where that one is not known, in their order.
        package var healthFallbacks: [String] = []

        /// The defaults.
        package init() {}
    }

    /// The key of a limit as errors name it.
    static func key(_ name: StaticString) -> String { "gatehouse.grpc_client.\(name)" }
}
