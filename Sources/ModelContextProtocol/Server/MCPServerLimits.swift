// SPDX-License-Identifier: Apache-2.0

/// The limits of an MCP endpoint's sessions.
package struct MCPServerLimits: Sendable {
    /// The most sessions at a time; more are refused with 503.
    ///
    /// Default 10,000.
    package var maxSessions = 10_000

    /// How long a session is kept without a request, a running call or an open stream.
    ///
    /// Default 30 minutes.
    package var sessionIdleTimeout: Duration = .seconds(1_800)

    /// The most requests of one session in flight; more are answered with an error.
    ///
    /// Default 1,000.
    package var maxCallsPerSession = 1_000

    /// The most requests in flight at an endpoint; more are refused with 503.
    ///
    /// Default 10,000.
    package var maxCalls = 10_000

    /// The most GET streams of one session; a further one ends the oldest.
    ///
    /// Default 4.
    package var maxStreamsPerSession = 4

    /// The most messages that wait for a client to open a stream, or to read from it; then the oldest is dropped.
    ///
    /// Default 256.
    package var maxWaitingMessages = 256

    /// The most bytes of such messages.
    ///
    /// Default 1 MiB.
    package var maxWaitingBytes = 1 << 20

    /// The most messages in one batch (revision 2025-03-26).
    ///
    /// Default 100.
    package var maxBatch = 100

    /// How often a comment is sent on an idle event stream, so that both ends notice when the other is gone.
    ///
    /// Default 25 s.
    package var heartbeat: Duration = .seconds(25)

    /// The defaults.
    package init() {}
}
