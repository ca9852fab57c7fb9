// SPDX-License-Identifier: Apache-2.0

internal import Values

/// What every transport does with the messages of a client.
extension MCPServerApplication {
    /// The answer to `initialize`.
    func answer(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async -> Result<Document, JSONRPCError> {
        do throws(JSONRPCError) {
            return .success(try await initialize(session, parameters).result(parameters.revision))
        } catch {
            return .failure(error)
        }
    }

    /// Runs one call from its registration to its answer; `slot` holds the task that this runs in.
    func run(_ call: MCPServerCall, _ slot: TaskSlot) async {
        if call.method.hasSameBytes(as: MCPMethod.ping) {
            return call.outlet.answer(call.id, .success(Document(object: [:])))
        }
        let result: Result<Document, JSONRPCError>
        do throws(JSONRPCError) {
            try call.begin(slot)
        } catch {
            return call.outlet.answer(call.id, .failure(error))
        }
        do throws(JSONRPCError) {
            result = .success(try await request(call))
        } catch {
            result = .failure(error)
        }
        // A call that was cancelled has been let go of, and its answer is not wanted.
        if call.finish() { call.outlet.answer(call.id, result) }
    }
}

extension MCPServerSession {
    /// Acts on what a notification of the client means for the session itself.
    func take(_ method: String, _ params: Document?) {
        if method.hasSameBytes(as: MCPMethod.initialized) {
            markInitialized()
        } else if method.hasSameBytes(as: MCPMethod.cancelled) {
            if let id = params?["requestId"].flatMap(JSONRPCID.init) { cancel(id) }
        }
    }
}
