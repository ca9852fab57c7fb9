// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework

/// Reads `gatehouse.unix_socket_client`.
struct UnixSocketClientReader {
    let section: SettingsSection

    func read() -> UnixSocketClientSettings {
        var settings = UnixSocketClientSettings()
        func count(_ key: String, _ value: inout Int, in range: ClosedRange<Int>) {
            value = section.setting(key, .integer(in: range), default: value).value
        }
        func bytes(_ key: String, _ value: inout Int) {
            value = section.setting(key, .bytes(in: 1...Int(Int32.max)), default: value).value
        }
        func time(_ key: String, _ value: inout Duration) {
            value = section.setting(key, .seconds, default: value).value
        }
        count("connections", &settings.connections, in: 0...64)
        count("max_connections", &settings.maximumConnections, in: 1...10_000)
        count("max_calls_per_connection", &settings.maximumCallsPerConnection, in: 1...1_000_000)
        bytes("max_message_size", &settings.maximumMessageSize)
        bytes("max_request_size", &settings.maximumRequestSize)
        count("max_waiting_calls", &settings.maximumWaitingCalls, in: 1...10_000_000)
        time("connect_timeout", &settings.connectTimeout)
        time("max_reconnect_delay", &settings.maximumReconnectDelay)
        section.finish()
        return settings
    }
}
