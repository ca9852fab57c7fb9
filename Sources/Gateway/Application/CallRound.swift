// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// One tool, prompt or resource asked for at its upstream, and what plugins after it say; again, if they want that and it may be.
struct CallRound: Sendable {
    /// A plugin that asks for more is not heard.
    private static let maximumRepeats = 3
    private static let longestDelay = Duration.seconds(30)

    /// What plugins made of a result.
    struct Reviewed: Sendable {
        /// What goes to the client.
        var result: Document
        /// After how many milliseconds the upstream is to be asked again; 0 for not at all.
        var retryDelay = 0
    }

    let point: PolicyPoint
    let call: MCPServerCall
    let session: ClientSession
    let upstreams: UpstreamSet

    /// Asks the upstream.
    ///
    /// - Parameters:
    ///   - params: The parameters as the upstream knows them.
    ///   - state: The state of the call after the plugins before.
    ///   - mayRepeat: Whether asking twice does no harm.
    ///   - review: The plugins after.
    func run(
        _ params: Document, _ state: CallState, mayRepeat: Bool,
        review: (Document, inout CallState) async throws(JSONRPCError) -> Reviewed
    ) async throws(JSONRPCError) -> Document {
        var state = state
        let deadline = ContinuousClock.now + state.target.upstream.settings.maximumTimeout
        var repeats = 0
        while true {
            let result = try await ask(params, state)
            let reviewed = try await review(result, &state)
            guard reviewed.retryDelay > 0 else { return reviewed.result }
            let delay = min(.milliseconds(reviewed.retryDelay), Self.longestDelay)
            guard mayRepeat, repeats < Self.maximumRepeats, .now + delay < deadline else { return reviewed.result }
            repeats += 1
            do {
                try await Task.sleep(for: delay)
            } catch {
                throw .internalError("the call was cancelled")
            }
        }
    }

    /// Asks the upstream once; what it says besides the result goes through plugins.
    func ask(_ params: Document?, _ state: CallState) async throws(JSONRPCError) -> Document {
        let filter =
            state.policy.listens(point.postHook)
            ? UtteranceFilter(
                policy: state.policy, point: point, subject: state.target.exposed, request: state.request()) : nil
        let answers =
            state.policy.listens(AnswerFilter.hook(of: point))
            ? AnswerFilter(
                policy: state.policy, point: point, subject: state.target.exposed, request: state.request()) : nil
        let relay = CallRelay(call, session: session, filter: filter, answers: answers)
        let exchange = UpstreamExchange(
            state.target.upstream, session, upstreams, relay: relay, headers: state.upstreamHeaders)
        do throws(UpstreamError) {
            return try await exchange.send(call.method, params)
        } catch {
            guard let filter else { throw error.jsonRPC }
            throw await filter.pass(error.jsonRPC)
        }
    }
}
