// SPDX-License-Identifier: Apache-2.0

/// Why a request to an MCP server has no result.
package enum MCPClientError: Error, Sendable, Equatable {
    /// The server answered with an error.
    case rpc(JSONRPCError)
    /// The server cannot be reached, broke off, or does not speak MCP; the text says what, where and what to do.
    case transport(String)
    /// No answer came in time.
    case timeout(String)
    /// The server no longer knows the session (HTTP 404): a new one must be begun.
    case sessionLost(String)
    /// The caller's task was cancelled; the server was told.
    case cancelled
}

extension MCPClientError: CustomStringConvertible {
    /// What failed, in a sentence.
    package var description: String {
        switch self {
        case .rpc(let error): error.description
        case .transport(let text), .timeout(let text), .sessionLost(let text): text
        case .cancelled: "the request was cancelled"
        }
    }
}
