// SPDX-License-Identifier: Apache-2.0

import HTTP
import PluginFramework

/// What a plugin server tells of itself to Prometheus (text format 0.0.4).
struct PluginServerMetrics {
    let isSecured: Bool
    let health: PluginHealth
    let statistics: HTTPServer.Statistics?

    var text: String {
        var text = ""
        func metric(_ name: String, _ kind: String, _ help: String, _ samples: [(labels: String, value: Int)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
            for sample in samples { text += "\(name)\(sample.labels) \(sample.value)\n" }
        }
        // The metric that ContextForge's servers have.
        metric(
            "plugin_info", "gauge", "Plugin server information",
            [(#"{server_name="\#(PluginTools.serverName)",transport="http",ssl_enabled="\#(isSecured)"}"#, 1)])
        metric(
            "gatehouse_serving", "gauge", "Whether plugins can be called at all.", [("", health.isServing ? 1 : 0)])
        metric(
            "gatehouse_plugin_serving", "gauge", "Whether a plugin can be called.",
            health.plugins.sorted { $0.key < $1.key }.map {
                (#"{plugin="\#(Self.escaped($0.key))"}"#, $0.value ? 1 : 0)
            })
        if let statistics {
            metric("gatehouse_http_connections", "gauge", "Connections open.", [("", statistics.connections)])
            metric(
                "gatehouse_http_requests_in_flight", "gauge", "Requests that are being answered.",
                [("", statistics.requestsInFlight)])
            metric("gatehouse_http_requests_total", "counter", "Requests begun.", [("", statistics.requestsStarted)])
        }
        return text
    }

    /// The text as the value of a label.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += #"\\"#
            case "\"": escaped += #"\""#
            case "\n": escaped += #"\n"#
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
