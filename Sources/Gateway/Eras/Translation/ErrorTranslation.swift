// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// How errors of one era of MCP become those of the other.
enum ErrorTranslation {
    /// A resource that asks for a visit to a page first (MCP 2025-11-25 alone).
    static let urlElicitationRequiredCode = -32_042
    /// The headers of a request say other than its body (MCP 2026-07-28).
    static let headerMismatchCode = -32_020

    /// An error as clients of 2026-07-28 get it.
    ///
    /// They never get -32002, which became -32602, nor -32042, which is asked by `input_required` (MCP 2026-07-28, Errors). What a
    /// server says about the headers and the revision of our own request is nothing that the client could mend.
    static func modern(_ error: JSONRPCError) -> JSONRPCError {
        var error = error
        switch error.code {
        case JSONRPCError.resourceNotFoundCode: error.code = JSONRPCError.invalidParamsCode
        case urlElicitationRequiredCode: error.code = JSONRPCError.internalErrorCode
        default: break
        }
        return error
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

    /// An error of a server about the way in which the gateway asked it: nothing that a client could mend.
    static func isOursAlone(_ error: JSONRPCError) -> Bool {
        error.code == headerMismatchCode || error.code == JSONRPCError.unsupportedProtocolVersionCode
    }
}
