// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1
internal import Values

/// What is other over HTTP in revision 2026-07-28.
extension HTTPClientLink {
    /// The headers that repeat what a request's body says.
    static func modernHeaders(_ method: String, _ params: Document?) -> [(name: String, value: String)] {
        var headers = [(name: "mcp-method", value: HeaderValue.encode(method))]
        if let key = ModernRequest.nameKey(of: method), let name = params?[key]?.stringValue {
            headers.append(("mcp-name", HeaderValue.encode(name)))
        }
        return headers
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
