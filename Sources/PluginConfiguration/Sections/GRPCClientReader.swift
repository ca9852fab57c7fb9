// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework

/// Reads `gatehouse.grpc_client`.
struct GRPCClientReader {
    let section: SettingsSection

    func read() -> GRPCClientSettings {
        var settings = GRPCClientSettings()
        func count(_ key: String, _ value: inout Int, in range: ClosedRange<Int> = 1...10_000_000) {
            value = section.setting(key, .integer(in: range), default: value).value
        }
        func flag(_ key: String, _ value: inout Bool) {
            value = section.setting(key, .bool, default: value).value
        }
        func bytes(_ key: String, _ value: inout Int, in range: ClosedRange<Int>) {
            value = section.setting(key, .bytes(in: range), default: value).value
        }
        func time(_ key: String, _ value: inout Duration) {
            value = section.setting(key, .seconds, default: value).value
        }
        func timeOrNever(_ key: String, _ value: inout Duration?) {
            value = section.setting(key, .secondsOrNever, default: value).value
        }
        count("connections", &settings.connections, in: 0...64)
        // The length of a gRPC message has 32 bits; ContextForge's own limits are signed.
        bytes("max_message_size", &settings.maximumMessageSize, in: 1...Int(Int32.max))
        bytes("max_request_size", &settings.maximumRequestSize, in: 1...Int(Int32.max))
        count("max_concurrent_streams", &settings.maximumConcurrentStreams, in: 1...1_000_000)
        flag("multiplexed_calls", &settings.multiplexedCalls)
        count("max_waiting_calls", &settings.maximumWaitingCalls)
        time("connect_timeout", &settings.connectTimeout)
        time("reconnect_delay", &settings.reconnectDelay)
        time("max_reconnect_delay", &settings.maximumReconnectDelay)
        timeOrNever("keepalive_time", &settings.keepaliveTime)
        time("keepalive_timeout", &settings.keepaliveTimeout)
        timeOrNever("resolve_interval", &settings.resolveInterval)
        bytes("max_header_list_size", &settings.maximumHeaderListSize, in: 1_024...(1 << 20))
        // From HTTP/2's initial window to its largest (RFC 9113, sections 6.9.1 and 6.9.2).
        bytes("stream_window_size", &settings.streamWindowSize, in: 65_535...Int(Int32.max))
        bytes("connection_window_size", &settings.connectionWindowSize, in: 65_535...Int(Int32.max))
        count("max_control_frames", &settings.maximumControlFrames)
        count("max_stream_faults", &settings.maximumStreamFaults)
        count("breaker_failures", &settings.breakerFailures)
        count("breaker_error_percent", &settings.breakerErrorPercent, in: 1...100)
        count("breaker_min_calls", &settings.breakerMinimumCalls)
        time("breaker_window", &settings.breakerWindow)
        time("breaker_probe_interval", &settings.breakerProbeInterval)
        time("breaker_probe_timeout", &settings.breakerProbeTimeout)
        section.finish()
        return settings
    }
}
