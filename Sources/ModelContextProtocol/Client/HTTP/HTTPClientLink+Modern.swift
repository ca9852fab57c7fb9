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

    /// What a status means in answer to `server/discover`: whoever answers anything but a JSON-RPC error does not know it.
    static func refusal(_ error: MCPClientError, _ response: HTTPClientResponse) -> MCPClientError {
        guard case .transport(let text) = error, response.status.code >= 400 else { return error }
        return .rpc(JSONRPCError(code: JSONRPCError.methodNotFoundCode, message: text))
    }
}
