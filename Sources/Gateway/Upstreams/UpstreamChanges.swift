// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import Synchronization
import Values

/// The streams by which an upstream that speaks 2026-07-28 tells of changes: one for its lists, and one for the resources that somebody
/// wants to hear of, which is opened anew whenever those are others.
final class UpstreamChanges: Sendable {
    private struct State {
        var client: MCPClient?
        var lists: MCPListener?
        var resources: MCPListener?
        /// The resources that the last stream was opened for.
        var uris: [String] = []
    }

    private let state = Mutex(State())

    /// Opens the streams of a new session.
    func begin(_ client: MCPClient, of upstream: Upstream) {
        var filter = MCPSubscriptionFilter()
        let capabilities = client.server.capabilities
        func tells(_ capability: String) -> Bool { capabilities[capability]?["listChanged"]?.boolValue == true }
        filter.toolsListChanged = tells("tools")
        filter.promptsListChanged = tells("prompts")
        filter.resourcesListChanged = tells("resources")
        let lists = filter.isEmpty ? nil : Self.open(filter, client, upstream)
        state.withLock { state in
            state.client = client
            state.lists = lists
            state.uris = []
        }
        follow(upstream)
    }

    /// Listens to the resources that somebody wants to hear of now; without effect while there is no session.
    func follow(_ upstream: Upstream) {
        let replaced = state.withLock { state -> MCPListener? in
            let uris = upstream.subscriptions.uris.sorted { $0.precedesInBytes($1) }
            guard let client = state.client,
                uris.count != state.uris.count || !zip(uris, state.uris).allSatisfy({ $0.hasSameBytes(as: $1) })
            else { return nil }
            let old = state.resources
            var filter = MCPSubscriptionFilter()
            filter.resourceSubscriptions = uris
            // The new one begins before the old one ends: what changes meanwhile is told twice rather than not at all.
            state.resources = uris.isEmpty ? nil : Self.open(filter, client, upstream)
            state.uris = uris
            return old
        }
        replaced?.close()
    }

    private static func open(
        _ filter: MCPSubscriptionFilter, _ client: MCPClient, _ upstream: Upstream
    ) -> MCPListener? {
        let handler = SharedSessionHandler(upstream: upstream)
        do throws(MCPClientError) {
            return try client.listen(to: filter) { event in
                switch event {
                // What has changed while nobody listened was not told.
                case .acknowledged(_, isFirst: false): upstream.refreshes.send()
                case .acknowledged: break
                case .notification(let method, let params): await handler.notification(method, params)
                case .ended(let error?):
                    upstream.logger.info(
                        "The MCP server does not tell of changes; its lists are fetched now and then",
                        metadata: ["server": "\(upstream.name)", "reason": "\(error)"])
                case .ended: break
                }
            }
        } catch {
            upstream.logger.info(
                "The MCP server cannot be listened to", metadata: ["server": "\(upstream.name)", "reason": "\(error)"])
            return nil
        }
    }

    /// Closes the streams: the session is over.
    func end() {
        let listeners = state.withLock { state in
            defer { state = State() }
            return [state.lists, state.resources]
        }
        for listener in listeners { listener?.close() }
    }
}
