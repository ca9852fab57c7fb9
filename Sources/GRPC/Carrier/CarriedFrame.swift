// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Sockets

extension ByteBuffer {
    /// Appends the prefix of a message that is a frame, and the head of the frame.
    ///
    /// - Parameter bodyLength: How many bytes of body follow.
    mutating func writeFrameHead(_ kind: TaggedFrame.Kind, call: UInt32, bodyLength: Int) {
        writeMultipleIntegers(UInt8(0), UInt32(truncatingIfNeeded: TaggedFrame.headLength + bodyLength))
        TaggedFrame.writeHead(kind, call: call, into: &self)
    }
}
