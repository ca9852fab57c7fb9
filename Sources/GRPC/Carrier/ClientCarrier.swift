// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Sockets

/// The calls of a connection that share a stream; owned by the event loop of the connection.
final class ClientCarrier {
    let id: StreamID
    var calls: [UInt32: ClientCall] = [:]
    private var lastCall: UInt32 = 0
    var reader = MessageReader()
    /// Bytes of the reader that are taken from the budget.
    var held = 0
    /// Bytes to come that nobody wants.
    var toPassOver = 0
    var headersReceived = false
    /// Whether a call on it has ended.
    var hasAnswered = false
    var inboundWindow: Int
    private var outgoing = ByteBuffer()
    /// Bytes that HTTP/2 has not written to the socket.
    private var unwritten = 0

    /// Beyond this number, calls have streams of their own: none is used twice.
    private static let lastUsableCall: UInt32 = 4_000_000_000
    private static let longestBurst = 256 << 10
    private static let mostUnwritten = 1 << 20

    init(id: StreamID, window: Int) {
        self.id = id
        inboundWindow = window
    }

    /// Whether it takes another call.
    ///
    /// Not while the server leaves much of what was sent untaken: calls that end meanwhile can be taken back only from streams of their own.
    var hasRoom: Bool { lastCall < Self.lastUsableCall && unwritten + outgoing.readableBytes < Self.mostUnwritten }

    /// Writes a call's request.
    func write(_ call: ClientCall, kind: TaggedFrame.Kind, now: NIODeadline) {
        lastCall += 1
        call.number = lastCall
        calls[lastCall] = call
        var message = call.request
        message.moveReaderIndex(forwardBy: GRPCMessage.prefixLength)
        outgoing.writeFrameHead(kind, call: lastCall, bodyLength: 4 + message.readableBytes)
        outgoing.writeInteger(UInt32(clamping: max(1, (call.deadline - now).nanoseconds / 1_000_000)))
        outgoing.writeBuffer(&message)
    }

    /// Tells the server that nobody waits for a call any more.
    func writeCancellation(of call: ClientCall) {
        outgoing.writeFrameHead(.cancel, call: call.number, bodyLength: 0)
    }

    /// What was written since it was last taken.
    func takeOutgoing() -> ByteBuffer? {
        guard outgoing.readableBytes > 0 else { return nil }
        let expected = min(outgoing.readableBytes, Self.longestBurst)
        var bytes = ByteBuffer()
        swap(&bytes, &outgoing)
        outgoing.reserveCapacity(expected)
        unwritten += bytes.readableBytes
        return bytes
    }

    /// HTTP/2 has written some of what was taken.
    func wrote(_ count: Int) { unwritten -= count }
}
