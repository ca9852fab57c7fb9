// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes the fields of a protobuf message, for the few small messages this layer knows.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    /// The message as an answer, with room for gRPC's prefix.
    var message: ByteBuffer {
        var buffer = GRPCMessage.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        return buffer
    }

    /// An integer or enum field; 0, the default, is not written.
    mutating func write(_ field: Int, varint value: UInt64) {
        guard value != 0 else { return }
        varint(UInt64(field) << 3)
        varint(value)
    }

    /// A bytes, string or message field, written even when it is empty.
    mutating func write(_ field: Int, bytes value: some Collection<UInt8>) {
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A message field.
    mutating func write(_ field: Int, message body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        write(field, bytes: inner.bytes)
    }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}
