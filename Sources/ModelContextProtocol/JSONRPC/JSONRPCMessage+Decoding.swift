// SPDX-License-Identifier: Apache-2.0

internal import Values

extension JSONRPCMessage {
    /// Reads one message from JSON text; a batch is refused.
    package static func decode(_ bytes: [UInt8]) -> Result<JSONRPCMessage, JSONRPCFault> {
        switch JSONRPCInput(decoding: bytes) {
        case .single(let result): result
        case .batch: .failure(JSONRPCFault(error: .invalidRequest("a batch where one message is to be"), id: nil))
        }
    }

    static func read(_ json: EncodedJSON) -> Result<JSONRPCMessage, JSONRPCFault> {
        guard json.isObject else {
            return .failure(JSONRPCFault(error: .invalidRequest("a JSON-RPC message is an object"), id: nil))
        }
        var envelope = Envelope()
        json.forEachMember { member in
            if member.isNamed("jsonrpc") {
                envelope.version = member.value
            } else if member.isNamed("id") {
                envelope.id = member.value
            } else if member.isNamed("method") {
                envelope.method = member.value
            } else if member.isNamed("params") {
                envelope.params = member.encoded
            } else if member.isNamed("result") {
                envelope.result = member.encoded
            } else if member.isNamed("error") {
                envelope.error = member.value
            }
        }
        do throws(JSONRPCError) {
            return .success(try envelope.message())
        } catch {
            return .failure(JSONRPCFault(error: error, id: envelope.readableID))
        }
    }
}

/// The members of a message.
private struct Envelope {
    var version: Value?
    var id: Value?
    var method: Value?
    var params: EncodedJSON?
    var result: EncodedJSON?
    var error: Value?

    var readableID: JSONRPCID? { id.flatMap { JSONRPCID($0) } }

    func message() throws(JSONRPCError) -> JSONRPCMessage {
        guard case .string(let version) = version, version.hasSameBytes(as: "2.0") else {
            throw .invalidRequest(#"the message has no "jsonrpc":"2.0""#)
        }
        guard let method else { return try response() }
        guard case .string(let name) = method else { throw .invalidRequest("method must be a string") }
        guard result == nil, error == nil else {
            throw .invalidRequest("a message has a method, or a result or error, and not both")
        }
        let params = try readParams()
        guard let id else { return .notification(method: name, params: params) }
        guard let id = JSONRPCID(id) else {
            throw .invalidRequest("the id of a request must be a string or a whole number within 64 bits")
        }
        return .request(id: id, method: name, params: params)
    }

    private func readParams() throws(JSONRPCError) -> Document? {
        guard let params else { return nil }
        if params.isObject { return Document(encoded: params) }
        // Some clients write out what they leave out.
        guard params.decode().isNull else { throw .invalidRequest("params must be an object") }
        return nil
    }

    private func response() throws(JSONRPCError) -> JSONRPCMessage {
        switch (result, error) {
        case (nil, nil): throw .invalidRequest("the message has neither a method, nor a result, nor an error")
        case (_?, _?): throw .invalidRequest("a response has a result or an error, and not both")
        case (let result?, nil):
            guard let id = readableID else {
                throw .invalidRequest("the id of a result must be that of a request: a string or a whole number")
            }
            guard result.isObject else { throw .invalidRequest("the result must be an object") }
            return .response(id: id, .success(Document(encoded: result)))
        case (nil, let error?):
            if let id, readableID == nil, !id.isNull {
                throw .invalidRequest("the id of an error must be that of a request, or null")
            }
            guard let code = error["code"]?.intValue, let code = Int(exactly: code),
                let message = error["message"]?.stringValue
            else { throw .invalidRequest("an error is an object with a whole number, code, and a string, message") }
            return .response(
                id: readableID, .failure(JSONRPCError(code: code, message: message, data: error["data"])))
        }
    }
}
