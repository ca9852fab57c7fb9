// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1
internal import Values

/// What is other over HTTP in revision 2026-07-28.
extension HTTPClientLink {
    static let methodHeader = "mcp-method"
    static let nameHeader = "mcp-name"

    static func isMethodHeader(_ name: String) -> Bool {
        name.utf8.count == methodHeader.utf8.count && name.lowercased().hasSameBytes(as: methodHeader)
    }

    /// The name that a request's header repeats; nil where it has none.
    static func name(_ method: String, _ params: Document?) -> String? {
        ModernRequest.nameKey(of: method).flatMap { params?[$0]?.stringValue }
    }

    /// What an answer without a JSON-RPC message means to `server/discover`: that the server does not know it, or nothing at all.
    ///
    /// The specification names 400, 404 and 405. Servers of earlier revisions answer with other refusals as well, and some stumble over
    /// what they do not know (500, 501). What is about the caller (401, 403, 407), about time and load (408, 429), or a proxy's word for a
    /// server that is not there (502 and above) says nothing of revisions: a session would be asked for in vain, or settled on by accident.
    static func refusal(_ error: MCPClientError, _ response: HTTPClientResponse) -> MCPClientError {
        guard case .transport(let text) = error, isRefusal(response.status.code) else { return error }
        // One that has stumbled may know it the next time.
        let hasFailed = response.status.code >= 500
        return .rpc(
            JSONRPCError(
                code: hasFailed ? JSONRPCError.internalErrorCode : JSONRPCError.methodNotFoundCode, message: text))
    }

    private static func isRefusal(_ status: UInt) -> Bool {
        switch status {
        case 401, 403, 407, 408, 429: false
        case 400...501: true
        default: false
        }
    }
}
