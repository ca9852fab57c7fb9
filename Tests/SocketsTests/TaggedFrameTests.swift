// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Sockets
import Testing

@Suite struct TaggedFrameTests {
    @Test func aTaggedFrameHasKindCallAndBody() throws {
        var buffer = ByteBuffer()
        TaggedFrame.writeHead(.answer, call: 0x0102_0304, into: &buffer)
        buffer.writeString("ab")
        #expect(Array(buffer.readableBytesView) == [32, 1, 2, 3, 4, 97, 98])
        #expect(
            TaggedFrame(decoding: buffer) == TaggedFrame(.answer, call: 0x0102_0304, body: ByteBuffer(string: "ab")))
    }

    @Test func whatIsShorterThanAHeadIsNone() {
        for length in 0..<TaggedFrame.headLength {
            #expect(TaggedFrame(decoding: ByteBuffer(repeating: 1, count: length)) == nil)
        }
    }

    @Test func aKindThatIsNotKnownIsAFrame() {
        #expect(TaggedFrame(decoding: ByteBuffer(bytes: [99, 0, 0, 0, 1]))?.kind == TaggedFrame.Kind(rawValue: 99))
    }
}
