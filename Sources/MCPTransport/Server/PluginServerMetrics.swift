// SPDX-License-Identifier: Apache-2.0

import HTTP
import PluginFramework
import TransportSecurity

/// What a plugin server tells of itself to Prometheus.
struct PluginServerMetrics {
    let isSecured: Bool
    let health: PluginHealth
    let statistics: HTTPServer.Statistics?
    let certificates: [CertificateExpiry]

    var response: HTTPServerResponse {
        var metrics = PrometheusText()
        // The metric that ContextForge's servers have.
        metrics.add(
            "plugin_info", .gauge, "Plugin server information",
            [
                .init(
                    1,
                    [
                        ("server_name", PluginTools.serverName), ("transport", "http"),
                        ("ssl_enabled", "\(isSecured)"),
                    ])
            ])
        metrics.add("gatehouse_serving", .gauge, "Whether plugins can be called at all.", health.isServing ? 1 : 0)
        metrics.add(
            "gatehouse_plugin_serving", .gauge, "Whether a plugin can be called.",
            health.plugins.sorted { $0.key < $1.key }.map { .init($0.value ? 1 : 0, [("plugin", $0.key)]) })
        if let statistics { metrics.add(statistics) }
        metrics.add(certificates)
        return metrics.response
    }
}
