// SPDX-License-Identifier: Apache-2.0

/// The limits and times of an HTTP server.
///
/// An error that a limit causes names the limit and its key.
package struct HTTPServerConfiguration: Sendable {
    /// The section of the configuration whose keys errors name.
    ///
    /// Default `server_settings`.
    package var section = "server_settings"

    /// The most bytes of a request's target and header fields; more is answered with 431.
    ///
    /// Default 32 KiB; key `max_header_size`.
    package var maxHeaderSize = 32 << 10

    /// The most header fields of a request, trailers included; more is answered with 431.
    ///
    /// Default 100; key `max_header_count`.
    package var maxHeaderCount = 100

    /// The longest body of a request, in bytes; more is answered with 413.
    ///
    /// Default 16 MiB; key `max_body_size`.
    package var maxBodySize = 16 << 20

    /// The most connections at a time; more are closed as soon as they are accepted.
    ///
    /// Default 10,000; key `max_connections`.
    package var maxConnections = 10_000

    /// The most requests that are being answered in the process; more are answered with 503.
    ///
    /// Streams of events are not among them. Default 10,000; key `max_requests_in_flight`.
    package var maxRequestsInFlight = 10_000

    /// The most whole requests of a connection that wait for the answer to the one before them.
    ///
    /// The connection is not read while there are as many. Default 16; key `max_pipelined_requests`.
    package var maxPipelinedRequests = 16

    /// How long a request may take to arrive, from its first byte to its last; then the answer is 408.
    ///
    /// Default 30 s; key `request_timeout`.
    package var requestTimeout: Duration = .seconds(30)

    /// How long a client may leave an answer untaken.
    ///
    /// Default 60 s; key `answer_timeout`.
    package var answerTimeout: Duration = .seconds(60)

    /// How long a connection without requests is kept.
    ///
    /// Default 75 s; key `idle_timeout`.
    package var idleTimeout: Duration = .seconds(75)

    /// How long requests may still be answered once the server is to end.
    ///
    /// Default 10 s; key `grace`.
    package var drainGrace: Duration = .seconds(10)

    /// The most bytes of a streamed answer that wait for a slow client; more end the stream.
    ///
    /// Default 4 MiB; key `max_stream_backlog`.
    package var maxStreamBacklog = 4 << 20

    /// The defaults.
    package init() {}

    /// The key of a limit as errors name it.
    func key(_ name: StaticString) -> String { "\(section).\(name)" }
}
