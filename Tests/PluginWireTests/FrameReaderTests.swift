// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginWire
import Testing

@Suite struct FrameReaderTests {
    private static func frame(_ content: [UInt8]) -> [UInt8] {
        let length = UInt32(content.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) } + content
    }

    /// What a reader says of a stream that arrives in pieces of this size.
    private static func read(_ stream: [UInt8], pieces: Int, limit: Int) -> [String] {
        var reader = FrameReader()
        var events: [String] = []
        for start in stride(from: 0, to: stream.count, by: pieces) {
            reader.append(ByteBuffer(bytes: stream[start..<min(stream.count, start + pieces)]))
            while let event = reader.next(limit: limit) {
                switch event {
                case .frame(let frame): events.append("frame \(Array(frame.readableBytesView))")
                case .discarded(let frame):
                    events.append("discarded \(frame.length) \(Array(frame.head.readableBytesView))")
                }
            }
        }
        return events
    }

    @Test(arguments: 1...12)
    func framesDoNotDependOnHowTheyArrive(pieces: Int) {
        let stream =
            Self.frame([1, 2, 3]) + Self.frame([]) + Self.frame(Array(0..<20)) + Self.frame([9]) + Self.frame([7, 7])
        #expect(
            Self.read(stream, pieces: pieces, limit: 10) == [
                "frame [1, 2, 3]", "frame []", "discarded 20 [0, 1, 2, 3, 4]", "frame [9]", "frame [7, 7]",
            ])
    }

    @Test func aClaimedLengthTakesNoMemory() {
        var reader = FrameReader()
        reader.append(ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF]))
        #expect(reader.next(limit: 1 << 40) == nil)
        #expect(reader.bufferedBytes == 4)
        #expect(reader.isInsideFrame)
    }

    @Test func whatIsDiscardedIsNotHeld() {
        var reader = FrameReader()
        reader.append(ByteBuffer(bytes: [0, 1, 0, 0] + [UInt8](repeating: 5, count: 1_000)))
        guard case .discarded(let frame)? = reader.next(limit: 100) else {
            Issue.record("it is kept")
            return
        }
        #expect(frame.length == 65_536)
        #expect(reader.bufferedBytes == 0)
        reader.append(ByteBuffer(repeating: 5, count: 64_536))
        #expect(reader.next(limit: 100) == nil)
        #expect(!reader.isInsideFrame)
        reader.append(ByteBuffer(bytes: Self.frame([1])))
        guard case .frame(let next)? = reader.next(limit: 100) else {
            Issue.record("the stream is lost")
            return
        }
        #expect(Array(next.readableBytesView) == [1])
    }

    @Test func theFrameThatArrivesCanBeLetGoOf() {
        var reader = FrameReader()
        reader.append(ByteBuffer(bytes: Self.frame([1, 2, 3, 4, 5, 6, 7, 8]).dropLast(2)))
        #expect(reader.next(limit: 100) == nil)
        #expect(reader.discardCurrent()?.head == ByteBuffer(bytes: [1, 2, 3, 4, 5]))
        #expect(reader.bufferedBytes == 0)
        reader.append(ByteBuffer(bytes: [7, 8] + Self.frame([4])))
        guard case .frame(let next)? = reader.next(limit: 100) else {
            Issue.record("the stream is lost")
            return
        }
        #expect(Array(next.readableBytesView) == [4])
    }

    @Test func framesKeepTheirBytesWhileMoreArrive() {
        var reader = FrameReader()
        reader.append(ByteBuffer(bytes: Self.frame([1, 2]) + [0, 0, 0, 3, 7]))
        guard case .frame(let first)? = reader.next(limit: 100) else {
            Issue.record("no frame")
            return
        }
        reader.append(ByteBuffer(bytes: [8, 9]))
        guard case .frame(let second)? = reader.next(limit: 100) else {
            Issue.record("no second frame")
            return
        }
        #expect(Array(first.readableBytesView) == [1, 2])
        #expect(Array(second.readableBytesView) == [7, 8, 9])
    }

    @Test func aHelloIsNoRequestOfTheContract() throws {
        let hello = try PeerHello().encoded()
        guard case .hello(let peer) = SocketRequest(hello) else {
            Issue.record("a hello is taken for another message")
            return
        }
        #expect(WireFeatures(announced: peer.features) == .overSocket)
        // As the contract's messages it has none of their fields.
        let asRequest = try InvokeHookRequest(decoding: hello)
        #expect(asRequest.hookType.isEmpty && asRequest.pluginName.isEmpty)
        #expect(try GetPluginConfigRequest(decoding: hello).name.isEmpty)
        #expect(hello.readableBytes > 2)
    }
}
