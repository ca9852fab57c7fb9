// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import PluginFramework
import Synchronization
import Values

/// What the paths for operators answer: `/health`, `/ready`, `/version`.
///
/// Nothing in it is secret: nobody is asked who they are.
final class GatewayStatus: Sendable {
    private let upstreams: UpstreamSet
    private let version: String
    /// How many plugins are configured and on.
    private let pluginCount: Int
    private let runsPlugins: Bool
    private let isDraining = Atomic<Bool>(false)

    init(_ upstreams: UpstreamSet, version: String, pluginCount: Int, runsPlugins: Bool) {
        self.upstreams = upstreams
        self.version = version
        self.pluginCount = pluginCount
        self.runsPlugins = runsPlugins
    }

    /// The gateway is to end: it is not ready any more.
    func drain() { isDraining.store(true, ordering: .relaxed) }

    func response(to path: String) -> HTTPServerResponse {
        switch path {
        case "/health": Self.json(.ok, ["status": "healthy"])
        case "/version": Self.json(.ok, ["name": "gatehouse", "version": .string(version)])
        default: ready
        }
    }

    /// Ready is a gateway that takes calls and has tried all its upstreams; one that is down does not make the others useless.
    private var ready: HTTPServerResponse {
        var servers: ValueObject = [:]
        var isStarting = false
        for upstream in upstreams.all {
            switch upstream.status {
            case .starting:
                isStarting = true
                servers[upstream.name] = "starting"
            case .up: servers[upstream.name] = "up"
            case .down: servers[upstream.name] = "down"
            }
        }
        var body: ValueObject = [:]
        let isReady = !isStarting && !isDraining.load(ordering: .relaxed)
        body["status"] = .string(isReady ? "ready" : isStarting ? "starting" : "draining")
        body["mcp_servers"] = .object(servers)
        var plugins: ValueObject = [
            "enabled": .bool(runsPlugins && pluginCount > 0), "count": .int(Int64(pluginCount)),
        ]
        if !runsPlugins, pluginCount > 0 {
            plugins["warning"] = "PLUGINS_ENABLED is false: the configured plugins do not run, and nothing is checked"
        }
        body["plugins"] = .object(plugins)
        return Self.json(isReady ? .ok : .serviceUnavailable, .object(body))
    }

    private static func json(_ status: HTTPResponseStatus, _ body: Value) -> HTTPServerResponse {
        HTTPServerResponse(
            status: status, headers: ["content-type": "application/json", "cache-control": "no-store"],
            body: ByteBuffer(string: body.description))
    }
}
