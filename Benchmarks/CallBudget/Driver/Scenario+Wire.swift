// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import NIOCore
import PluginFramework
import PluginWire
import Values

extension Scenario {
    /// The codec of the plugin contract.
    static let wire = [
        Scenario(name: "decode-request") {
            let bytes = try Sample.request.encoded()
            return {
                let request = try InvokeHookRequest(decoding: bytes)
                try expect(request.pluginName.utf8.count == 4, "the name is lost")
            }
        },
        Scenario(name: "decode-request-and-payload") {
            let bytes = try Sample.request.encoded()
            return {
                let request = try InvokeHookRequest(decoding: bytes)
                try expect(request.payload.value.objectValue?.count == 3, "the payload is lost")
                try expect(request.context.values.state.count == 2, "the context is lost")
            }
        },
        Scenario(name: "encode-request") {
            let request = Sample.request
            return {
                var buffer = ByteBuffer()
                buffer.reserveCapacity(1_024)
                try request.encode(into: &buffer, features: .all)
                try expect(buffer.readableBytes > 400, "the request is not whole")
            }
        },
        Scenario(name: "decode-pass") {
            let bytes = try InvokeHookResponse(pluginName: "NoOp", outcome: .result(PluginResult())).encoded()
            return {
                guard case .result(let result) = try InvokeHookResponse(decoding: bytes).outcome else {
                    throw WrongOutcome(description: "no result")
                }
                try expect(result.continueProcessing, "the answer does not let the call pass")
            }
        },
        Scenario(name: "encode-pass") {
            let response = InvokeHookResponse(pluginName: "NoOp", outcome: .result(PluginResult()))
            return {
                var buffer = ByteBuffer()
                buffer.reserveCapacity(128)
                try response.encode(into: &buffer, features: .all)
                try expect(buffer.readableBytes > 20, "the answer is not whole")
            }
        },
        Scenario(name: "encode-change") {
            var result = PluginResult()
            result.modifiedPayload = Document(Sample.payload)
            let response = InvokeHookResponse(pluginName: "NoOp", outcome: .result(result))
            return {
                var buffer = ByteBuffer()
                buffer.reserveCapacity(1_024)
                try response.encode(into: &buffer, features: .all)
                try expect(buffer.readableBytes > 200, "the answer is not whole")
            }
        },
    ]

    /// JSON text: payloads, and the envelope of MCP's messages.
    static let json = [
        Scenario(name: "json-parse") {
            let text = try JSONWriter.encode(Sample.payload)
            return { try expect(try JSONParser.decode(text).objectValue?.count == 3, "the payload is lost") }
        },
        Scenario(name: "json-write") {
            let value = Sample.payload
            return { try expect(try JSONWriter.encode(value).count > 200, "the text is not whole") }
        },
        Scenario(name: "json-rpc-decode") {
            let text = JSONRPCMessage.request(id: .integer(7), method: "tools/call", params: Document(Sample.payload))
                .encoded()
            return {
                guard case .request(_, let method, let params?) = try JSONRPCMessage.decode(text).get() else {
                    throw WrongOutcome(description: "no request with parameters")
                }
                try expect(method.utf8.count == 10 && params.encoded != nil, "the envelope is lost, or was opened")
            }
        },
        Scenario(name: "json-rpc-answer") {
            let text = JSONRPCMessage.response(id: .integer(7), .success(Document(Sample.payload))).encoded()
            guard case .response(let id, .success(let result)) = try JSONRPCMessage.decode(text).get() else {
                throw WrongOutcome(description: "no response")
            }
            // A result that is sent on as it came.
            return {
                try expect(JSONRPCMessage.response(id: id, .success(result)).encoded().count > 200, "it is not whole")
            }
        },
    ]
}
