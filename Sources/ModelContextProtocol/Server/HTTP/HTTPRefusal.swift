// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Values

/// Why a POST, GET or DELETE is answered with an HTTP error; the body is a JSON-RPC error, so that both layers understand it.
struct HTTPRefusal: Error {
    var status: HTTPResponseStatus
    var error: JSONRPCError
    var id: JSONRPCID?
    var headers: HTTPHeaders = [:]

    /// A refusal of something that came in a form it may not come in.
    static func badRequest(_ message: String, id: JSONRPCID? = nil) -> HTTPRefusal {
        HTTPRefusal(status: .badRequest, error: .invalidRequest(message), id: id)
    }

    /// The answer.
    ///
    /// Without an id to answer, the id is null, as JSON-RPC 2.0 has it.
    var response: HTTPServerResponse {
        var headers = headers
        headers.replaceOrAdd(name: "content-type", value: "application/json")
        let body: [UInt8]
        if id != nil {
            body = JSONRPCMessage.response(id: id, .failure(error)).encoded()
        } else {
            var object: ValueObject = ["code": .int(Int64(error.code)), "message": .string(error.message)]
            if let data = error.data { object["data"] = data }
            var writer = JSONWriter()
            writer.write(.object(["jsonrpc": "2.0", "id": nil, "error": .object(object)]))
            body = writer.bytes
        }
        return HTTPServerResponse(status: status, headers: headers, body: ByteBuffer(bytes: body))
    }
}
