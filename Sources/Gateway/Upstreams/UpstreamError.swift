// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol

/// Why an upstream has not answered.
struct UpstreamError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it is.
    enum Code: Sendable {
        /// It answered with an error of its own.
        case answered(JSONRPCError)
        /// It cannot be reached, or broke off.
        case unavailable
        /// It has not answered in time.
        case timeout
        /// Whoever asked no longer wants to know.
        case cancelled
    }

    let code: Code
    /// What failed, why, and what to do.
    let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// - Parameter upstream: The upstream's name.
    init(_ error: MCPClientError, upstream: String) {
        switch error {
        case .rpc(let answer): self.init(.answered(answer), answer.message)
        case .timeout: self.init(.timeout, "MCP server '\(upstream)': \(error)")
        case .cancelled: self.init(.cancelled, "the call was cancelled")
        case .transport, .sessionLost: self.init(.unavailable, "MCP server '\(upstream)': \(error)")
        }
    }

    /// What the client is told: the upstream's own error as it is, anything else as a failure on our side of it.
    var jsonRPC: JSONRPCError {
        if case .answered(let error) = code { return error }
        return .internalError(description)
    }
}
