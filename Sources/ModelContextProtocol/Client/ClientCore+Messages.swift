// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Values

/// What comes from servers whose messages do not tell which request they belong to.
extension ClientCore {
    /// Takes what a server has written: one message, or several.
    ///
    /// - Parameter server: what the log calls it.
    func take(_ input: JSONRPCInput, from server: String) {
        switch input {
        case .single(let message): take(message, from: server)
        case .batch(let messages): for message in messages { take(message, from: server) }
        }
    }

    private func take(_ message: Result<JSONRPCMessage, JSONRPCFault>, from server: String) {
        switch message {
        case .success(.response(let id, let result)):
            // An answer that nobody waits for any more is dropped.
            waiting(for: id)?.give(result.mapError(MCPClientError.rpc))
        case .success(.notification(let method, let params)):
            take(method, params)
        case .success(.request(let id, let method, let params)):
            serve(id, method, params)
        case .failure(let fault):
            logger.warning(
                "an MCP server said what is no JSON-RPC message; see its settings, and whether its log goes there",
                metadata: ["server": "\(server)", "error": "\(fault.error.message)"])
        }
    }
}
