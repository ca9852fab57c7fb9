// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension ByteBuffer {
    /// Appends a frame with its length in front: what the closure appends.
    package mutating func writeFrame(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        writeInteger(0 as UInt32)
        body(&self)
        setInteger(UInt32(writerIndex - start - FrameReader.prefixLength), at: start)
    }
}
