// SPDX-License-Identifier: Apache-2.0

internal import Values

/// What one HTTP body or one line holds: a message, or a batch of them (revision 2025-03-26 alone).
package enum JSONRPCInput: Sendable {
    /// One message, or what is wrong with it.
    case single(Result<JSONRPCMessage, JSONRPCFault>)
    /// The messages of an array, or what is wrong with each; never empty.
    case batch([Result<JSONRPCMessage, JSONRPCFault>])

    /// Reads messages from JSON text.
    ///
    /// The text is checked in full (UTF-8, duplicate keys, nesting, numbers); parameters and results are not decoded.
    package init(decoding bytes: [UInt8]) {
        do throws(ValueError) {
            self.init(try EncodedJSON(checking: bytes))
        } catch {
            self = .single(.failure(JSONRPCFault(error: .parseError("the message is no JSON: \(error)"), id: nil)))
        }
    }

    private init(_ json: EncodedJSON) {
        guard json.isArray else {
            self = .single(JSONRPCMessage.read(json))
            return
        }
        let elements = json.encodedElements
        guard !elements.isEmpty else {
            self = .single(
                .failure(JSONRPCFault(error: .invalidRequest("the batch is empty; send a message"), id: nil)))
            return
        }
        self = .batch(elements.map(JSONRPCMessage.read))
    }
}

/// Why something is no JSON-RPC message.
package struct JSONRPCFault: Error, Sendable, Equatable {
    /// What is to be answered.
    package var error: JSONRPCError
    /// The id of the message, as far as it has one that could be read.
    package var id: JSONRPCID?

    /// Makes a fault.
    package init(error: JSONRPCError, id: JSONRPCID?) {
        self.error = error
        self.id = id
    }

    /// The response that tells of it.
    package var response: JSONRPCMessage { .response(id: id, .failure(error)) }
}
