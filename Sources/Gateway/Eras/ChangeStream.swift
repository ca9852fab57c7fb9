// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// One client's stream of notifications (`subscriptions/listen`), fed with the changes of its virtual server.
final class ChangeStream: ChangeListener {
    private let subscription: MCPSubscription
    private let server: VirtualServer

    init(_ subscription: MCPSubscription, server: VirtualServer) {
        self.subscription = subscription
        self.server = server
    }

    func listChanged(_ method: String) { subscription.notify(method) }

    func resourceUpdated(_ uri: String, of upstream: Upstream) {
        let view = server.view
        guard let position = view.upstreams.firstIndex(where: { $0 === upstream }) else { return }
        let exposed = view.resourceNames.exposed(uri, of: position)
        guard view.target(uri: exposed) != nil else { return }
        // The URI alone: whatever else an upstream adds has passed no plugin.
        subscription.notify(GatewayMethod.resourceUpdated, Document(object: ["uri": .string(exposed)]))
    }
}

extension GatewayApplication {
    func listen(_ call: MCPServerCall, _ subscription: MCPSubscription) async throws(JSONRPCError) {
        await server.settle(within: Self.patience)
        let stream = ChangeStream(subscription, server: server)
        let view = server.view
        var granted = subscription.requested
        granted.toolsListChanged = granted.toolsListChanged && view.can("tools")
        granted.promptsListChanged = granted.promptsListChanged && view.can("prompts")
        granted.resourcesListChanged = granted.resourcesListChanged && view.can("resources")
        granted.resourceSubscriptions = []
        guard subscription.requested.resourceSubscriptions.count <= Self.maximumSubscriptions else {
            throw .invalidParams(
                "params.notifications.resourceSubscriptions names more than \(Self.maximumSubscriptions) resources; "
                    + "open several streams")
        }
        var targets: [ServerView.Target] = []
        for uri in subscription.requested.resourceSubscriptions {
            // What may not be listened to is not acknowledged: that is how a client learns of it.
            guard let target = view.target(uri: uri), target.upstream.catalog?.can("resources", "subscribe") ?? true,
                (try? await authorize(.resource, target, call)) != nil
            else { continue }
            granted.resourceSubscriptions.append(uri)
            targets.append(target)
        }
        server.add(stream: stream)
        for target in targets { await upstreams.subscribe(stream, target) }
        subscription.acknowledge(granted)
        await subscription.waitForEnd()
        server.remove(stream: stream)
        // This task is cancelled when the client has gone, and the upstreams are to be told all the same.
        await Task { [upstreams] in await upstreams.forget(stream) }.value
    }

    /// The most resources of one stream.
    private static let maximumSubscriptions = 1_000
}
