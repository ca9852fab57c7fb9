// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import PluginFramework
import Values

/// Keeps what is known of one upstream as it is: holds a session, fetches the lists when they change, and comes back when it is down.
struct UpstreamSupervisor: Sendable {
    /// How often a quiet upstream is asked whether it is there, and how long it may take to say so.
    private static let pingInterval = Duration.seconds(30)
    private static let pingTimeout = Duration.seconds(10)

    let upstream: Upstream
    /// The session that all clients share.
    let link: UpstreamLink
    /// Called when the lists are other than before.
    let onChange: @Sendable (Upstream) -> Void

    /// Works until it is cancelled.
    func run() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do throws(UpstreamError) {
                let client = try await link.client()
                upstream.isConnected(keepsState: client.keepsState, isModern: client.isModern)
                try await follow(client, &backoff)
            } catch {
                guard !Task.isCancelled else { break }
                let delay = backoff.next()
                upstream.isDown(error.description, retryIn: delay)
                try? await Task.sleep(for: delay)
            }
        }
        await link.end()
    }

    /// Fetches the lists as often as they change, until the session is lost.
    private func follow(_ client: MCPClient, _ backoff: inout Backoff) async throws(UpstreamError) {
        let loader = CatalogLoader(
            client: client, upstream: upstream.settings, limits: upstream.limits, logger: upstream.logger)
        // Before the lists are fetched, so that no change is missed in between.
        if client.isModern { upstream.changes.begin(client, of: upstream) }
        defer { upstream.changes.end() }
        do throws(MCPClientError) {
            while !Task.isCancelled {
                let catalog = try await loader.load()
                backoff.reset()
                upstream.take(catalog) { onChange(upstream) }
                try await waitForChange(client)
            }
        } catch {
            await link.lost(client)
            throw UpstreamError(error, upstream: upstream.name)
        }
    }

    /// - Throws: when the session is lost.
    private func waitForChange(_ client: MCPClient) async throws(MCPClientError) {
        let start = ContinuousClock.now
        while !Task.isCancelled {
            let refresh = upstream.settings.refreshInterval
            let rest = refresh.map { $0 - (ContinuousClock.now - start) } ?? Self.pingInterval
            switch await nextEvent(client, within: max(.seconds(1), min(rest, Self.pingInterval))) {
            case .changed: return
            case .closed(let reason): throw .transport(reason)
            case .time where link.isBusy:
                // It is at work, and has no less time for that than its callers give it.
                continue
            case .time:
                guard refresh.map({ ContinuousClock.now - start < $0 }) ?? true else { return }
                _ = try await client.request(
                    client.isModern ? MCPMethod.discover : MCPMethod.ping, nil,
                    options: MCPRequestOptions(timeout: Self.pingTimeout))
            }
        }
    }

    private enum Event: Sendable {
        case changed
        case closed(String)
        case time
    }

    private func nextEvent(_ client: MCPClient, within limit: Duration) async -> Event {
        await withTaskGroup(of: Event.self) { group in
            group.addTask { [upstream] in
                await upstream.refreshes.wait()
                return .changed
            }
            group.addTask { .closed(await client.waitForEnd() ?? "the gateway is to end") }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .time
            }
            let first = await group.next() ?? .time
            group.cancelAll()
            return first
        }
    }
}
