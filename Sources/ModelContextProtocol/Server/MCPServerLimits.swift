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

    /// The most events of one stream that are kept for a client whose connection breaks; 0 for none.
    ///
    /// Default 256.
    package var maxReplayEvents = 256

    /// The most bytes of such events of one stream; 0 for none.
    ///
    /// Default 2 MiB.
    package var maxReplayBytes = 2 << 20

    /// The most bytes of such events of all streams of a session.
    ///
    /// Default 8 MiB. Whatever the limits, no more are kept than while half of the process's memory budget is free.
    package var maxReplayBytesPerSession = 8 << 20

    /// The most streams of a session that are kept after their answers, or without a connection; the oldest give way.
    ///
    /// Default 64.
    package var maxReplayStreams = 64

    /// How long an event is kept.
    ///
    /// Default 5 minutes; a tenth of it, or 30 s, more at most.
    package var replayTime: Duration = .seconds(300)

    /// When a client may come back whose stream was ended early.
    ///
    /// Default 5 s.
    package var streamRetry: Duration = .seconds(5)

    /// The most messages in one batch (revision 2025-03-26).
    ///
    /// Default 100.
    package var maxBatch = 100

    /// The most streams of notifications (`subscriptions/listen`, revision 2026-07-28) of an endpoint; more are refused.
    ///
    /// Default 10,000.
    package var maxListenStreams = 10_000

    /// The most resources that one such stream may be for.
    ///
    /// Default 1,000.
    package var maxResourceSubscriptions = 1_000

    /// How often a comment is sent on an idle event stream, so that both ends notice when the other is gone.
    ///
    /// A call of revision 2026-07-28 that has said nothing for as long becomes such a stream.
    /// Default 25 s.
    package var heartbeat: Duration = .seconds(25)

    /// The defaults.
    package init() {}
}
