// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Sockets

/// From the stream that carries calls to their frames.
extension ServerConnection {
    func startCarrying(_ stream: CallStream, _ methods: [ServerCarrier.Method]) {
        guard carrier == nil else {
            fail(
                stream,
                GRPCStatus(
                    .failedPrecondition,
                    "a stream of this connection carries calls already; send its messages there, or call by gRPC's way")
            )
            return
        }
        let carrier = ServerCarrier(connection: self, stream: stream, methods: methods)
        stream.carrier = carrier
        self.carrier = carrier
        if phase == .draining { carrier.goAway() }
    }

    func carry(_ stream: CallStream, _ carrier: ServerCarrier) throws(GRPCStatus) {
        var hasTaken = false
        while stream.answered == nil, !stream.isClosed,
            let (message, isCompressed) = try stream.reader.next(limit: Self.longestCarried)
        {
            guard !isCompressed else {
                throw GRPCStatus(.internal, "a frame of a carried call is compressed, which it must not be")
            }
            stream.hasFirstMessage = true
            hasTaken = true
            let size = message.readableBytes + GRPCMessage.prefixLength
            let reserved = min(stream.reserved, size)
            stream.reserved -= reserved
            carrier.receive(message, reserved: reserved, hasRoom: reserved == size)
        }
        // The next message has its own time to arrive.
        if hasTaken, stream.reader.hasPartialMessage { stream.receivingSince = .now() }
    }

    /// What is longer goes by a stream of its own.
    private static let longestCarried = ByteLimit(
        bytes: GRPCCarrier.longestMessage, key: "nothing: call by gRPC's way", side: .server)
}
