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
    let questions: QuestionSeal

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
            let asked: Asked
            switch try await ask(params, state) {
            case .needsInput(let question): return question
            case .whole(let whole): asked = whole
            }
            let reviewed = try await review(asked.result, &state)
            guard reviewed.retryDelay > 0 else { return finish(reviewed.result, asked) }
            let delay = min(.milliseconds(reviewed.retryDelay), Self.longestDelay)
            guard mayRepeat, repeats < Self.maximumRepeats, .now + delay < deadline else {
                return finish(reviewed.result, asked)
            }
            repeats += 1
            do {
                try await Task.sleep(for: delay)
            } catch {
                throw .internalError("the call was cancelled")
            }
        }
    }

    /// What an upstream has answered, as plugins see it: without what one era says about results and the other does not.
    struct Asked: Sendable {
        var result: Document
        /// Whether the upstream speaks 2026-07-28.
        var isModern = false
        /// Whether clients of the earlier revisions get it as it is.
        var isPlain = false
        /// For how many milliseconds the result holds, if the upstream says so.
        var time: Value?
    }

    /// How asking an upstream ends.
    enum Outcome: Sendable {
        case whole(Asked)
        /// The result that asks the client for input.
        case needsInput(Document)

        /// The result of what cannot ask for input.
        func whole() throws(JSONRPCError) -> Document {
            guard case .whole(let asked) = self else {
                throw .internalError("the MCP server asks for input where it must not")
            }
            return asked.result
        }
    }

    /// The result as the client's era has it, after the plugins.
    private func finish(_ result: Document, _ asked: Asked) -> Document {
        guard call.envelope == nil else {
            return asked.time.map { result.setting("ttlMs", to: Document($0)) } ?? result
        }
        guard asked.isModern, !asked.isPlain || !result.isUnchanged(from: asked.result) else { return result }
        return ResultTranslation.handshake(result, of: call.method)
    }

    /// Asks the upstream once; what it says besides the result goes through plugins.
    func ask(_ params: Document?, _ state: CallState) async throws(JSONRPCError) -> Outcome {
        let filter =
            state.policy.listens(point.postHook)
            ? UtteranceFilter(
                policy: state.policy, point: point, subject: state.target.exposed, request: state.request()) : nil
        let answers =
            state.policy.listens(AnswerFilter.hook(of: point))
            ? AnswerFilter(
                policy: state.policy, point: point, subject: state.target.exposed, request: state.request()) : nil
        let relay = CallRelay(call, session: session, filter: filter, answers: answers)
        let input = try await questions.input(of: call, for: state.target, answers)
        let exchange = UpstreamExchange(
            state.target.upstream, session, upstreams, relay: relay, headers: state.upstreamHeaders, modern: input)
        do throws(UpstreamError) {
            let params = RequestTranslation.upstream(params, call.envelope, bringsInput: call.bringsInput)
            return try await outcome(of: try await exchange.send(call.method, params), state, filter)
        } catch {
            let answered = error.jsonRPC
            if let asked = try await questions.visit(answered, of: call, filter) { return .needsInput(asked) }
            let translated = ErrorTranslation.client(answered, of: call, from: state.target.upstream)
            guard let filter else { throw translated }
            throw await filter.pass(translated)
        }
    }

    private func outcome(
        of answer: UpstreamExchange.Answer, _ state: CallState, _ filter: UtteranceFilter?
    ) async throws(UpstreamError) -> Outcome {
        guard answer.isModern || call.envelope != nil else { return .whole(Asked(result: answer.result)) }
        // Others get nothing that asks: what upstreams ask for is brought to them.
        if answer.isModern, call.envelope != nil, answer.result.needsInput {
            do throws(JSONRPCError) {
                return .needsInput(
                    try await questions.question(answer.result, of: call, from: state.target.upstream, filter))
            } catch {
                throw UpstreamError(.answered(error), error.message)
            }
        }
        let time = answer.isModern && ResultTranslation.isCacheable(call.method) ? answer.result["ttlMs"] : nil
        let (result, hasData) = ResultTranslation.neutral(answer.result)
        return .whole(Asked(result: result, isModern: answer.isModern, isPlain: !hasData, time: time))
    }
}
