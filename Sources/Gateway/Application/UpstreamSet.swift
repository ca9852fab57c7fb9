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

    /// Has somebody hear of a resource, over the session that clients share.
    ///
    /// An upstream that cannot be reached is asked when its session begins again.
    func subscribe(_ listener: any ChangeListener, _ target: ServerView.Target) async {
        let upstream = target.upstream
        guard upstream.subscriptions.add(listener, target.original) else { return }
        await tell(upstream, GatewayMethod.subscribe, target.original)
    }

    /// Forgets somebody who heard of resources over shared sessions.
    func forget(_ listener: any ChangeListener) async {
        for upstream in all {
            for uri in upstream.subscriptions.removeAll(of: listener) {
                await tell(upstream, GatewayMethod.unsubscribe, uri)
            }
        }
    }

    /// Tells an upstream what somebody, or nobody any more, wants to hear of.
    private func tell(_ upstream: Upstream, _ method: String, _ uri: String) async {
        guard !upstream.isModern else { return upstream.changes.follow(upstream) }
        guard let client = shared(upstream).current else { return }
        _ = try? await client.request(
            method, Document(object: ["uri": .string(uri)]),
            options: MCPRequestOptions(timeout: upstream.settings.connectTimeout))
    }
}

extension Upstream {
    /// Asks for log messages from a level on; one that cannot be reached is asked when its session begins again.
    func setLevel(_ level: LogLevel, _ client: MCPClient) async {
        guard !client.isModern, client.server.capabilities["logging"] != nil else { return }
        _ = try? await client.request(
            GatewayMethod.setLevel, Document(object: ["level": .string(level.rawValue)]),
            options: MCPRequestOptions(timeout: settings.connectTimeout))
    }

    /// Brings a new shared session to where the one before it was.
    fileprivate func restore(_ client: MCPClient) async {
        // One that knows no sessions is told by the supervisor, and of levels with each request.
        guard !client.isModern else { return }
        if sharedLevel != .info { await setLevel(sharedLevel, client) }
        for uri in subscriptions.uris {
            _ = try? await client.request(
                GatewayMethod.subscribe, Document(object: ["uri": .string(uri)]),
                options: MCPRequestOptions(timeout: settings.connectTimeout))
        }
    }
}
