// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import PluginFramework
package import Values

/// Asks for one hook of one plugin to be run.
package struct InvokeHookRequest: WireMessage {
    /// The hook's name, such as `tool_pre_invoke`.
    package var hookType: String
    /// The plugin's name.
    package var pluginName: String
    /// What the hook looks at.
    package var payload: Document
    /// What the plugin knows about the request.
    package var context: PluginContext

    /// Makes a request.
    package init(hookType: String, pluginName: String, payload: Document, context: PluginContext) {
        self.hookType = hookType
        self.pluginName = pluginName
        self.payload = payload
        self.context = context
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        self = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var hookType = ""
            var pluginName = ""
            var payload = ByteBuffer?.none
            var context = ByteBuffer?.none
            while let tag = try reader.nextTag() {
                switch tag {
                case WireTag(1, .lengthDelimited): hookType = try reader.string("hook_type")
                case WireTag(2, .lengthDelimited): pluginName = try reader.string("plugin_name")
                case WireTag(3, .lengthDelimited): try reader.checkedStruct("payload", of: bytes, into: &payload)
                case WireTag(4, .lengthDelimited):
                    try reader.checkedSlice("context", of: bytes, into: &context) {
                        (content: inout WireReader) throws(WireError) in
                        try content.checkContext()
                    }
                default: try reader.skip(tag)
                }
            }
            return InvokeHookRequest(
                hookType: hookType, pluginName: pluginName, payload: Document(checkedStruct: payload),
                context: PluginContext(checked: context))
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        try encode(into: &buffer, features: [])
    }

    /// Appends the encoded message for a receiver that understands more than the contract.
    package func encode(into buffer: inout ByteBuffer, features: WireFeatures) throws(WireError) {
        try encode(into: &buffer, features: features, keeping: nil)
    }

    /// The same, with the payload in the form that is kept for all who get it, if it is kept.
    package func encode(
        into buffer: inout ByteBuffer, features: WireFeatures, keeping encodings: PayloadEncodings?
    ) throws(WireError) {
        var writer = WireWriter(features: features)
        try writer.contextField(4, context.values)
        try writer.payloadField(3, payload, encodings)
        writer.field(2, pluginName)
        writer.field(1, hookType)
        writer.finish(into: &buffer)
    }
}

extension WireWriter {
    /// The field with the payload: in the form that is kept for receivers of these features, which is made if it is not there yet.
    mutating func payloadField(
        _ number: UInt32, _ payload: Document, _ encodings: PayloadEncodings?
    ) throws(WireError) {
        guard let encodings, !(payload.encoded is EncodedStruct) else {
            try structField(number, "payload", payload)
            return
        }
        let features = features.intersection(.losslessNumbers)
        let kept = try encodings.document(for: features.rawValue) { () throws(WireError) in
            var writer = WireWriter(features: features)
            try writer.structField(number, "payload", payload)
            var bytes = ByteBuffer()
            writer.finish(into: &bytes)
            // Without the tag and the length of the field that it was written as.
            let content = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
                _ = try reader.nextTag()
                return try reader.delimited()
            }
            return Document(
                checkedStruct: bytes.getSlice(at: bytes.readerIndex + content.lowerBound, length: content.count))
        }
        try structField(number, "payload", kept)
    }
}
