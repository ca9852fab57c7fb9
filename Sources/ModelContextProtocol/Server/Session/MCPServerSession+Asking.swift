// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization
package import Values

/// Requests to the client.
extension MCPServerSession {
    /// Asks the client something that belongs to no call (over HTTP on its GET stream), and waits for its answer.
    ///
    /// - Throws: as ``MCPServerCall/request(_:_:timeout:)`` does.
    package func request(
        _ method: String, _ params: Document?, timeout: Duration = .seconds(300)
    ) async throws(JSONRPCError) -> Document {
        try await ask(method, params, timeout: timeout) { [self] message in sendUnrelated(message) }
    }

    func ask(
        _ method: String, _ params: Document?, timeout: Duration, send: @escaping @Sendable (JSONRPCMessage) -> Bool
    ) async throws(JSONRPCError) -> Document {
        guard !isStateless else {
            throw .internalError("\(method) cannot be asked: this client has no session in which it could answer")
        }
        let outcome = Outcome<AskedResult>()
        let id = state.withLock { state -> Int64? in
            guard !state.isEnded else { return nil }
            defer { state.nextID += 1 }
            state.asked[state.nextID] = outcome
            return state.nextID
        }
        guard let id else { throw Self.sessionOver }
        defer { state.withLock { _ = $0.asked.removeValue(forKey: id) } }
        guard send(.request(id: .integer(id), method: method, params: params)) else {
            throw .internalError("\(method) cannot be asked: the client reads no stream on which it could be asked")
        }
        let timer = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            outcome.give(.failure(.internalError("the client has not answered \(method) within \(timeout)")))
        }
        defer { timer.cancel() }
        let result = await outcome.wait(
            orWhenCancelled: .failure(.internalError("the call that asked for \(method) was cancelled")))
        if case .failure = result, state.withLock({ $0.asked[id] }) != nil {
            // Nobody answered: tell the client that nobody waits.
            let params: ValueObject = ["requestId": .int(id), "reason": "no longer waited for"]
            _ = send(.notification(method: MCPMethod.cancelled, params: Document(object: params)))
        }
        return try result.get()
    }

    /// Hands the client's answer to whoever asked; an answer that nobody waits for is dropped.
    func resolve(_ id: JSONRPCID?, _ result: AskedResult) {
        guard case .integer(let number) = id else { return }
        let outcome = state.withLock { state in
            state.lastUse = .now()
            return state.asked.removeValue(forKey: number)
        }
        outcome?.give(result)
    }
}
