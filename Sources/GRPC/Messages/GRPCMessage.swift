// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The length-prefixed message of gRPC: one byte that says whether it is compressed, four bytes of length, the message.
package enum GRPCMessage {
    /// The bytes in front of every message.
    package static let prefixLength = 5

    /// An empty buffer with room for the prefix in front of its reader index.
    ///
    /// A handler that writes its answer into such a buffer has it sent without being copied.
    ///
    /// - Parameter capacity: the bytes the message is expected to have.
    package static func buffer(capacity: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(prefixLength + capacity)
        buffer.writeRepeatingByte(0, count: prefixLength)
        buffer.moveReaderIndex(forwardBy: prefixLength)
        return buffer
    }

    /// The message with its prefix, in place where there is room before the reader index.
    static func framed(_ message: consuming ByteBuffer) -> ByteBuffer {
        let length = message.readableBytes
        if message.readerIndex >= prefixLength {
            // What lies before the reader index belongs to nobody any more. Should the storage be shared, as that of an
            // echoed request is, setting copies it first.
            let start = message.readerIndex - prefixLength
            message.setInteger(UInt8(0), at: start)
            message.setInteger(UInt32(truncatingIfNeeded: length), at: start + 1)
            message.moveReaderIndex(to: start)
            return message
        }
        var framed = ByteBuffer()
        framed.reserveCapacity(prefixLength + length)
        framed.writeInteger(UInt8(0))
        framed.writeInteger(UInt32(truncatingIfNeeded: length))
        framed.writeBuffer(&message)
        return framed
    }
}
