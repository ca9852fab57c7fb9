// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// One request to an upstream on behalf of one call of a client.
struct UpstreamExchange: Sendable {
    /// What an upstream answers.
    struct Answer: Sendable {
        var result: Document
        /// Whether the upstream speaks 2026-07-28, and so says of what type the result is.
        var isModern: Bool
    }

    let upstream: Upstream
    let session: ClientSession
    let own: ClientLink?
    let shared: UpstreamLink
    let relay: CallRelay
    /// Headers that plugins want the upstream to get.
    let headers: [(name: String, value: String)]
    /// What else an upstream that speaks 2026-07-28 gets.
    let modern: ModernUpstreamRequest?

    init(
        _ upstream: Upstream, _ session: ClientSession, _ upstreams: UpstreamSet, relay: CallRelay,
        headers: [(name: String, value: String)] = [], modern: ModernUpstreamRequest? = nil
    ) {
        self.upstream = upstream
        self.session = session
        own = session.ownLink(to: upstream)
        shared = upstreams.shared(upstream)
        self.relay = relay
        self.headers = headers
        self.modern = modern
    }

    /// Sends the request, and hands on what the upstream says meanwhile.
    func send(_ method: String, _ params: Document?) async throws(UpstreamError) -> Answer {
        guard relay.needsTask else { return try await request(method, params) }
        // What is said meanwhile goes through plugins, in order, and before the answer.
        let result = await withTaskGroup(of: Void.self) { group in
            group.addTask { await relay.run() }
            let result: Result<Answer, UpstreamError>
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

    private func request(_ method: String, _ params: Document?) async throws(UpstreamError) -> Answer {
        own?.begin(relay)
        defer { own?.finish(relay) }
        let link = own?.link ?? shared
        link.begin()
        defer { link.finish() }
        let client = try await link.client()
        let arrivals = client.arrivals
        do throws(MCPClientError) {
            return try await request(method, params, client)
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
            return try await request(method, params, second)
        } catch {
            throw UpstreamError(error, upstream: upstream.name)
        }
    }

    private func request(
        _ method: String, _ params: Document?, _ client: MCPClient
    ) async throws(MCPClientError) -> Answer {
        guard client.isModern else {
            await own?.lowerLevel(to: session.logLevel, client)
            return Answer(
                result: try await client.request(method, params, options: options(asks: own != nil)), isModern: false)
        }
        var options = options(asks: true)
        options.clientCapabilities = session.features.modern
        options.logLevel = session.logLevel.flatMap { MCPLogLevel(rawValue: $0.rawValue) }
        var params = params
        if let modern { params = modern.prepare(params, &options) }
        return Answer(result: try await client.request(method, params, options: options), isModern: true)
    }

    /// - Parameter asks: Whether the upstream may ask the client something.
    private func options(asks: Bool) -> MCPRequestOptions {
        var options = MCPRequestOptions(timeout: upstream.settings.timeout)
        options.headers = headers
        options.progressTimeout = upstream.settings.maximumTimeout
        options.onNotification = { [relay] method, params in relay.take(method, params) }
        if asks {
            options.onRequest = { [relay] method, params throws(JSONRPCError) in try await relay.ask(method, params) }
        }
        return options
    }
}

extension MCPClient {
    /// Whether its server is spoken to as revision 2026-07-28 has it.
    var isModern: Bool { server.revision.era == .modern }
}
