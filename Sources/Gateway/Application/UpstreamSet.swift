// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import PluginFramework
import Values

/// All upstreams of a gateway, each with the session that clients share and the supervisor that keeps it.
final class UpstreamSet: Sendable {
    /// The upstreams that are not disabled, in configured order.
    let all: [Upstream]
    private let shared: [ObjectIdentifier: UpstreamLink]

    init(_ settings: GatewaySettings, connector: UpstreamConnector, logger: Logger) {
        let enabled = settings.upstreams.filter { !$0.isDisabled }
        all = enabled.map {
            Upstream($0, among: settings.upstreams, limits: settings.limits, connector: connector, logger: logger)
        }
        var shared: [ObjectIdentifier: UpstreamLink] = [:]
        for upstream in all {
            shared[ObjectIdentifier(upstream)] = UpstreamLink(
                upstream, handler: SharedSessionHandler(upstream: upstream),
                onOpen: { [weak upstream] client in await upstream?.restore(client) })
        }
        self.shared = shared
    }

    /// The session with an upstream that clients share.
    func shared(_ upstream: Upstream) -> UpstreamLink {
        guard let link = shared[ObjectIdentifier(upstream)] else { preconditionFailure("every upstream has a link") }
        return link
    }

    /// Keeps all upstreams until it is cancelled; then their sessions are ended.
    func run(onChange: @escaping @Sendable (Upstream) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for upstream in all {
                let supervisor = UpstreamSupervisor(upstream: upstream, link: shared(upstream), onChange: onChange)
                group.addTask { await supervisor.run() }
            }
        }
    }

    /// Forgets a client that shared sessions.
    func forget(_ session: ClientSession) async {
        for upstream in all {
            let unwanted = upstream.subscriptions.removeAll(of: session)
            guard !unwanted.isEmpty, let client = shared(upstream).current else { continue }
            for uri in unwanted {
                _ = try? await client.request(
                    GatewayMethod.unsubscribe, Document(object: ["uri": .string(uri)]),
                    options: MCPRequestOptions(timeout: upstream.settings.connectTimeout))
            }
        }
    }
}

extension Upstream {
    /// Asks for log messages from a level on; one that cannot be reached is asked when its session begins again.
    func setLevel(_ level: LogLevel, _ client: MCPClient) async {
        guard client.server.capabilities["logging"] != nil else { return }
        _ = try? await client.request(
            GatewayMethod.setLevel, Document(object: ["level": .string(level.rawValue)]),
            options: MCPRequestOptions(timeout: settings.connectTimeout))
    }

    /// Brings a new shared session to where the one before it was.
    fileprivate func restore(_ client: MCPClient) async {
        if sharedLevel != .info { await setLevel(sharedLevel, client) }
        for uri in subscriptions.uris {
            _ = try? await client.request(
                GatewayMethod.subscribe, Document(object: ["uri": .string(uri)]),
                options: MCPRequestOptions(timeout: settings.connectTimeout))
        }
    }
}
