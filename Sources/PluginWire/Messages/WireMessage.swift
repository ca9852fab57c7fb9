// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// A message of the plugin contract: Sources/PluginWire/Protos/mcpgateway/plugins/plugin_service.proto.
///
/// The same bytes serve both package names. Fields follow protobuf's rules: any order, the last of a repeated single field
/// wins, messages that repeat are merged, unknown fields are passed over.
package protocol WireMessage: Sendable {
    /// Decodes a whole message.
    ///
    /// - Throws: ``WireError`` naming the field. What can be wrong with a payload or a context is found here, although
    ///   they are decoded when somebody looks.
    init(decoding bytes: ByteBuffer) throws(WireError)

    /// Appends the encoded message to a buffer.
    ///
    /// - Throws: ``WireError`` when a value cannot be sent; nothing is appended then.
    func encode(into buffer: inout ByteBuffer) throws(WireError)
}

extension WireMessage {
    /// The encoded message.
    package func encoded() throws(WireError) -> ByteBuffer {
        var buffer = ByteBuffer()
        try encode(into: &buffer)
        return buffer
    }
}
