// SPDX-License-Identifier: Apache-2.0

import Authentication
import Logging
import ModelContextProtocol
import PluginFramework
import Values

// Clients of revision 2026-07-28, which have no sessions.
extension GatewayApplication {
    func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer {
        await server.settle(within: Self.patience)
        return InitializeAnswer(
            capabilities: capabilities, serverInfo: info, instructions: server.settings.description)
    }

    func parameterHeaders(ofTool name: String, for call: MCPServerCall) async -> MCPParameterHeaders? {
        server.view.target(named: name, in: server.view.tools)?.parameterHeaders
    }

    /// Answers a request of a client without sessions.
    func answerModern(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        let state: RequestState?
        do throws(RequestStateFault) {
            state = try questions.state(of: call)
        } catch {
            throw refuse(error, call)
        }
        if case .held(let id, let round)? = state { return try await resume(id, round: round, call) }
        let share = try takeCall(call)
        let work: HeldCall.Work = { [self] call throws(JSONRPCError) in
            let session = ClientSession(of: call, server: server, policy: policy, borrowing: stateless.links)
            defer {
                session.giveBack()
                if let share { shares.release(share.kind, of: share.identity) }
            }
            return try await answer(call, session)
        }
        guard mayBeAsked(call) else { return Self.whole(try await work(call), of: call.method) }
        let held = HeldCall(
            call, lifetime: stateless.lifetime(for: Self.caller(of: call)?.principal), among: stateless.held)
        guard stateless.held.begin(held) else {
            if let share { shares.release(share.kind, of: share.identity) }
            throw .internalError("the gateway is to end; send the request to another one")
        }
        return try document(of: await held.begin(call, work), held, call)
    }

    /// Whether an upstream of an earlier revision may have something to ask the client in the midst of the call.
    private func mayBeAsked(_ call: MCPServerCall) -> Bool {
        MCPInputRequired.isAllowed(for: call.method) && server.upstreams.contains { $0.isPerClient }
            && !ClientFeatures(call.session.clientCapabilities).isEmpty
    }

    /// Goes on with a call that waits for the client's answers.
    ///
    /// What the call needs was decided when it began; that the client still may use the server, and still has the scopes, is looked
    /// at again, because its token may be another by now.
    private func resume(_ id: String, round: Int, _ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        guard let held = stateless.held.find(id, of: call.session.principal?.identity) else {
            throw refuse(.gone, call)
        }
        do throws(JSONRPCError) {
            try await authorizeAgain(call)
        } catch {
            held.end(error)
            throw error
        }
        guard call.inputResponses?.isObject ?? true else {
            throw .invalidParams("params.inputResponses must be an object")
        }
        let turn: HeldCall.Turn
        do throws(HeldCallRefusal) {
            turn = try await held.resume(call, round: round, answers: call.inputResponses?.value.objectValue ?? [:])
        } catch {
            switch error {
            case .gone: throw refuse(.gone, call)
            case .invalid(let message): throw .invalidParams(message)
            }
        }
        return try document(of: turn, held, call)
    }

    private func authorizeAgain(_ call: MCPServerCall) async throws(JSONRPCError) {
        let view = server.view
        switch call.method {
        case GatewayMethod.callTool:
            if let target = view.target(named: try Self.text("name", of: call), in: view.tools) {
                try await authorize(.tool, target, call)
            }
        case GatewayMethod.getPrompt:
            if let target = view.target(named: try Self.text("name", of: call), in: view.prompts) {
                try await authorize(.prompt, target, call)
            }
        default:
            if let target = view.target(uri: try Self.text("uri", of: call)) {
                try await authorize(.resource, target, call)
            }
        }
    }

    /// The answer to a client's request at the end of a turn.
    private func document(
        of turn: HeldCall.Turn, _ held: HeldCall, _ call: MCPServerCall
    ) throws(JSONRPCError) -> Document {
        switch turn {
        case .ended(.success(let result)): return Self.whole(result, of: call.method)
        case .ended(.failure(let error)): throw error
        case .asks(let requests, let round):
            let state = stateless.seal.seal(.held(id: held.id, round: round), for: questions.binding(of: call))
            return MCPInputRequired(requests: requests, state: state).result
        }
    }

    /// What a client gets: a question as it is, and a result that says that it is whole.
    private static func whole(_ result: Document, of method: String) -> Document {
        result.needsInput ? result : ResultTranslation.modern(result, of: method)
    }

    /// What the client is told about a state that it may not bring back; why it may not is for the log.
    private func refuse(_ fault: RequestStateFault, _ call: MCPServerCall) -> JSONRPCError {
        logger.info(
            "A requestState was refused: \(fault.rawValue)",
            metadata: ["method": "\(call.method)", "server": "\(server.id ?? "-")"])
        return fault.error
    }
}
