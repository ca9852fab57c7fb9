// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// What upstreams ask clients of 2026-07-28 by way of results, and what these bring back.
struct QuestionSeal: Sendable {
    let seal: RequestStateSeal
    /// The virtual server that the clients use; nil for the one that has everything.
    let server: String?

    /// What a client's request is bound to.
    func binding(of call: MCPServerCall) -> RequestBinding {
        RequestBinding(
            principal: call.session.principal?.identity, server: server, method: call.method,
            params: call.params?.value ?? .null)
    }

    /// The state that a client's request brings back; nil for one that begins.
    ///
    /// - Throws: what is wrong with it.
    func state(of call: MCPServerCall) throws(RequestStateFault) -> RequestState? {
        guard call.bringsInput, let given = call.params?["requestState"], !given.isNull else { return nil }
        guard let text = given.stringValue else { throw .malformed }
        return try seal.open(text, for: binding(of: call))
    }

    // MARK: Upstreams that know no sessions either

    /// What a client's request brings to an upstream: answers, which pass plugins as those to questions do, and the upstream's own state.
    func input(
        of call: MCPServerCall, for target: ServerView.Target, _ answers: AnswerFilter?
    ) async throws(JSONRPCError) -> ModernUpstreamRequest {
        var input = ModernUpstreamRequest(call, target)
        guard call.bringsInput else { return input }
        do throws(RequestStateFault) {
            if case .upstream(let name, let state)? = try state(of: call) {
                // What a plugin makes of the call must not bring one server's state to another.
                guard name.hasSameBytes(as: target.upstream.name) else { throw .otherServer }
                input.state = state
            }
        } catch {
            throw error.error
        }
        guard let responses = call.inputResponses else { return input }
        guard responses.isObject else { throw .invalidParams("params.inputResponses must be an object") }
        input.responses = responses
        guard let answers else { return input }
        var passed: ValueObject = [:]
        for member in responses.value.objectValue ?? [:] {
            passed[member.key] = try await answers.pass(Document(member.value)).value
        }
        input.responses = Document(object: passed)
        return input
    }

    /// The result that asks the client what an upstream wants to know; the questions pass plugins as results do.
    func question(
        _ result: Document, of call: MCPServerCall, from upstream: Upstream, _ filter: UtteranceFilter?
    ) async throws(JSONRPCError) -> Document {
        guard var asked = try MCPInputRequired(result) else {
            throw .internalError("MCP server '\(upstream.name)' asks for input in a form that is none")
        }
        if let filter { try await pass(&asked, filter) }
        if let state = asked.state {
            guard state.utf8.count <= RequestStateSeal.longestState else {
                throw .internalError(
                    "MCP server '\(upstream.name)' asks for input with a requestState of \(state.utf8.count) bytes; "
                        + "\(RequestStateSeal.longestState) are the most that is handed on")
            }
            asked.state = seal.seal(.upstream(name: upstream.name, state: state), for: binding(of: call))
        }
        return asked.result
    }

    private func pass(_ asked: inout MCPInputRequired, _ filter: UtteranceFilter) async throws(JSONRPCError) {
        for position in asked.requests.indices {
            guard let params = asked.requests[position].params else { continue }
            asked.requests[position].params = Document(try await filter.pass(params.value))
        }
    }

    // MARK: Pages to visit first

    /// The result that asks a client of 2026-07-28 to visit pages, in place of the error by which 2025-11-25 asks it.
    ///
    /// - Returns: Nil for any other error, and for a client that visits none.
    func visit(
        _ error: JSONRPCError, of call: MCPServerCall, _ filter: UtteranceFilter?
    ) async throws(JSONRPCError) -> Document? {
        guard call.envelope != nil, error.code == JSONRPCError.urlElicitationRequiredCode,
            MCPInputRequired.isAllowed(for: call.method), let pages = error.data?["elicitations"]?.arrayValue,
            !pages.isEmpty
        else { return nil }
        let features = ClientFeatures(call.session.clientCapabilities)
        var asked = MCPInputRequired(requests: [], state: nil)
        for (number, page) in pages.enumerated() {
            guard features.canAnswer(GatewayMethod.elicit, page), case .object(var params) = page else { return nil }
            params["elicitationId"] = nil
            asked.requests.append(
                .init(key: "page\(number + 1)", method: GatewayMethod.elicit, params: Document(object: params)))
        }
        if let filter { try await pass(&asked, filter) }
        return asked.result
    }
}
