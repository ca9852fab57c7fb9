// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// How errors of one era of MCP become those of the other.
enum ErrorTranslation {

    /// An error of an upstream as the client is told of it; what clients of 2026-07-28 do not know, their core puts into other words.
    ///
    /// What a server finds wrong with the headers or the revision of our own request is nothing that the client could mend.
    static func client(_ error: JSONRPCError, of call: MCPServerCall, from upstream: Upstream) -> JSONRPCError {
        switch error.code {
        case JSONRPCError.headerMismatchCode, JSONRPCError.unsupportedProtocolVersionCode:
            .internalError("MCP server '\(upstream.name)' has refused the gateway's request: \(error)")
        default: call.envelope == nil ? handshake(error, of: call.method) : error
        }
    }

    /// An error of a server that speaks 2026-07-28, as clients of the earlier revisions get it.
    ///
    /// An unknown resource has a code of its own there: -32602 with the URI beside it, as servers of both eras tell it.
    static func handshake(_ error: JSONRPCError, of method: String) -> JSONRPCError {
        guard error.code == JSONRPCError.invalidParamsCode, method.hasSameBytes(as: GatewayMethod.readResource),
            error.data?["uri"]?.stringValue != nil
        else { return error }
        var error = error
        error.code = JSONRPCError.resourceNotFoundCode
        return error
    }
}
