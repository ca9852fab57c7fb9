// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// One request to an upstream on behalf of one call of a client.
struct UpstreamExchange: Sendable {
    let upstream: Upstream
    let own: ClientLink?
    let shared: UpstreamLink
    let relay: CallRelay
    /// Headers that plugins want the upstream to get.
    let headers: [(name: String, value: String)]

    init(
        _ upstream: Upstream, _ session: ClientSession, _ upstreams: UpstreamSet, relay: CallRelay,
        headers: [(name: String, value: String)] = []
    ) {
        self.upstream = upstream
        own = session.ownLink(to: upstream)
        shared = upstreams.shared(upstream)
        self.relay = relay
        self.headers = headers
    }

    /// Sends the request, and hands on what the upstream says meanwhile.
    func send(_ method: String, _ params: Document?) async throws(UpstreamError) -> Document {
        guard relay.needsTask else { return try await request(method, params) }
        // What is said meanwhile goes through plugins, in order, and before the answer.
        let result = await withTaskGroup(of: Void.self) { group in
            group.addTask { await relay.run() }
            let result: Result<Document, UpstreamError>
            do throws(UpstreamError) {
                result = .success(try await request(method, params))
            } catch {
                result = .failure(error)
            }
            relay.close()
            await group.waitForAll()
            return result
        }
        return try result.get()
    }

    private func request(_ method: String, _ params: Document?) async throws(UpstreamError) -> Document {
        own?.begin(relay)
        defer { own?.finish(relay) }
        let link = own?.link ?? shared
        link.begin()
        defer { link.finish() }
        let client = try await link.client()
        let arrivals = client.arrivals
        do throws(MCPClientError) {
            return try await client.request(method, params, options: options)
        } catch .sessionLost {
            // The upstream has refused the request for its session's sake, and so has not done anything of it.
            await link.lost(client)
        } catch {
            if client.endReason != nil {
                await link.lost(client)
            } else if case .timeout = error, client.arrivals == arrivals {
                link.doubt(client)
            }
            throw UpstreamError(error, upstream: upstream.name)
        }
        let second = try await link.client()
        do throws(MCPClientError) {
            return try await second.request(method, params, options: options)
        } catch {
            throw UpstreamError(error, upstream: upstream.name)
        }
    }

    private var options: MCPRequestOptions {
        var options = MCPRequestOptions(timeout: upstream.settings.timeout)
        options.headers = headers
        options.progressTimeout = upstream.settings.maximumTimeout
        options.onNotification = { [relay] method, params in relay.take(method, params) }
        if own != nil {
            options.onRequest = { [relay] method, params throws(JSONRPCError) in try await relay.ask(method, params) }
        }
        return options
    }
}
