// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework

/// Reads `limits`.
struct GatewayLimitsReader {
    let section: SettingsSection

    func read() -> GatewayLimits {
        var limits = GatewayLimits()
        func count(_ key: String, _ value: inout Int) {
            value = section.setting(key, .integer(in: 1...10_000_000), default: value).value
        }
        func bytes(_ key: String, _ value: inout Int, in range: ClosedRange<Int>) {
            value = section.setting(key, .bytes(in: range), default: value).value
        }
        func time(_ key: String, _ value: inout Duration) {
            value = section.setting(key, .seconds, default: value).value
        }
        count("max_connections", &limits.maximumConnections)
        bytes("max_body_size", &limits.maximumBodySize, in: 1_024...(1 << 30))
        bytes("max_header_size", &limits.maximumHeaderSize, in: 1_024...(1 << 20))
        bytes("max_message_size", &limits.maximumMessageSize, in: 1_024...(1 << 30))
        time("request_timeout", &limits.requestTimeout)
        time("idle_timeout", &limits.idleTimeout)
        count("max_sessions", &limits.maximumSessions)
        time("session_idle", &limits.sessionIdle)
        count("max_calls_per_session", &limits.maximumCallsPerSession)
        count("max_streams_per_session", &limits.maximumStreamsPerSession)
        limits.maximumReplayEvents =
            section.setting("max_replay_events", .integer(in: 0...100_000), default: limits.maximumReplayEvents).value
        bytes("max_replay_bytes", &limits.maximumReplayBytes, in: 0...(1 << 30))
        bytes("max_replay_bytes_per_session", &limits.maximumReplayBytesPerSession, in: 0...(1 << 30))
        time("replay_time", &limits.replayTime)
        count("max_upstream_sessions", &limits.maximumUpstreamSessions)
        count("max_listed", &limits.maximumListed)
        count("max_held_calls", &limits.maximumHeldCalls)
        count("max_held_calls_per_user", &limits.maximumHeldCallsPerUser)
        bytes("max_held_bytes", &limits.maximumHeldBytes, in: 1_024...(1 << 40))
        count("max_calls_per_user", &limits.maximumCallsPerUser)
        count("max_sessions_per_user", &limits.maximumSessionsPerUser)
        bytes("max_bytes_per_user", &limits.maximumBytesPerUser, in: 1_024...(1 << 40))
        section.finish()
        return limits
    }
}
