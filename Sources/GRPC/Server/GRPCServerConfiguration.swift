// SPDX-License-Identifier: Apache-2.0

/// The limits and times of a gRPC server.
///
/// An error that a limit causes names the limit and its key under `grpc_server_settings`.
package struct GRPCServerConfiguration: Sendable {
    /// The longest request message, in bytes, after decompression.
    ///
    /// Default 16 MiB; key `max_message_size`.
    package var maxMessageSize = 16 << 20

    /// The most calls open on one connection (RFC 9113, SETTINGS_MAX_CONCURRENT_STREAMS).
    ///
    /// Handlers of cancelled calls that have not ended may be three times as many more; beyond, calls end with
    /// RESOURCE_EXHAUSTED. Default 1,000; key `max_concurrent_streams`.
    package var maxConcurrentStreams = 1_000

    /// The most connections at a time; more are closed as soon as they are accepted.
    ///
    /// Default 10,000; key `max_connections`.
    package var maxConnections = 10_000

    /// The most calls of unary methods in flight in the process; more end with RESOURCE_EXHAUSTED.
    ///
    /// Default 10,000; key `max_calls_in_flight`.
    package var maxCallsInFlight = 10_000

    /// The most calls of streaming methods open on one connection; more end with RESOURCE_EXHAUSTED.
    ///
    /// They live as long as their client wants, so they have limits of their own: idle ones must not keep others from
    /// being served. Handlers of cancelled calls that have not ended may be three times as many more. Default 100; key
    /// `max_streaming_calls_per_connection`.
    package var maxStreamingCallsPerConnection = 100

    /// The most calls of streaming methods in the process whose handler has not ended; more end with
    /// RESOURCE_EXHAUSTED.
    ///
    /// Default 1,000; key `max_streaming_calls`.
    package var maxStreamingCalls = 1_000

    /// A call whose request message has at most this many bytes starts on the event loop of its connection, so that a
    /// handler which does not suspend never leaves it.
    ///
    /// Default 64 KiB; key `inline_limit`.
    package var inlineLimit = 64 << 10

    /// How long a request may take to arrive; of a streaming method its first message, and each later one once it has
    /// begun.
    ///
    /// Default 30 s; key `request_timeout`.
    package var requestTimeout: Duration = .seconds(30)

    /// How long a client may leave a finished answer untaken.
    ///
    /// Default 60 s; key `answer_timeout`.
    package var answerTimeout: Duration = .seconds(60)

    /// How long a new connection may take to send HTTP/2's preface.
    ///
    /// Default 10 s; key `handshake_timeout`.
    package var handshakeTimeout: Duration = .seconds(10)

    /// The longest header list, in bytes as RFC 9113 section 6.5.2 counts them.
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

    /// How long a connection without calls is kept; nil keeps it for ever.
    ///
    /// Default 1 hour; key `max_connection_idle`.
    package var maxConnectionIdle: Duration? = .seconds(3_600)

    /// How old a connection may become before its client is asked to make another; nil for any age.
    ///
    /// Default nil; key `max_connection_age`.
    package var maxConnectionAge: Duration?

    /// How long calls in flight may go on once a connection is to end, on shutdown and by age.
    ///
    /// Default 10 s; key `grace`.
    package var drainGrace: Duration = .seconds(10)

    /// After how long without a byte from the client we send a PING; nil never.
    ///
    /// Default 2 hours, gRPC's own; key `keepalive_time`.
    package var keepaliveTime: Duration? = .seconds(7_200)

    /// How long the answer to our PING may take.
    ///
    /// Default 20 s, gRPC's own; key `keepalive_timeout`.
    package var keepaliveTimeout: Duration = .seconds(20)

    /// How many half-sent requests a client may reset at once before its connection is closed for abuse.
    ///
    /// A hundredth of this comes back every 0.1 s, and one for every call that completes; the reset of a whole
    /// request, an ordinary cancellation, counts as a hundredth. Default 1,000; key `max_rapid_resets`.
    package var maxRapidResets = 1_000

    /// How many PING, SETTINGS and PRIORITY frames a client may send at once before its connection is closed for
    /// abuse.
    ///
    /// A tenth of this comes back every second, and one for every call and every DATA frame. Default 1,000; key
    /// `max_control_frames`.
    package var maxControlFrames = 1_000

    /// The defaults.
    package init() {}

    /// The key of a limit as errors name it.
    static func key(_ name: StaticString) -> String { "grpc_server_settings.\(name)" }
}
