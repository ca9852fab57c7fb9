// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Takes the bytes of DATA frames, however split or joined, and gives the messages in them.
///
/// A length is judged as soon as its prefix is there, before the message is buffered, and memory follows the bytes
/// received, never the length claimed.
struct MessageReader {
    private var buffer = ByteBuffer()

    /// Whether part of a message, or of its prefix, has arrived.
    var hasPartialMessage: Bool { buffer.readableBytes > 0 }

    mutating func append(_ data: consuming ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = data
        } else {
            buffer.writeBuffer(&data)
        }
    }

    /// The next whole message, if there is one, and whether it is compressed.
    ///
    /// - Throws: `GRPCStatus` RESOURCE_EXHAUSTED when the message is longer than `limit` bytes, INTERNAL when the
    ///   prefix is not one.
    mutating func next(limit: ByteLimit) throws(GRPCStatus) -> (message: ByteBuffer, isCompressed: Bool)? {
        let start = buffer.readerIndex
        guard let flag = buffer.getInteger(at: start, as: UInt8.self) else { return nil }
        guard flag <= 1 else {
            throw GRPCStatus(
                .internal,
                "a message begins with flag byte \(flag), which must be 0 or 1; send gRPC's length-prefixed messages"
            )
        }
        guard let length = buffer.getInteger(at: start + 1, as: UInt32.self) else { return nil }
        guard length <= limit.bytes else { throw limit.exceeded("of \(length) bytes") }
        guard buffer.readableBytes >= GRPCMessage.prefixLength + Int(length) else { return nil }
        if buffer.readableBytes == GRPCMessage.prefixLength + Int(length) {
            // The whole buffer goes, so that its storage has one owner.
            var message = ByteBuffer()
            swap(&message, &buffer)
            message.moveReaderIndex(forwardBy: GRPCMessage.prefixLength)
            return (message, flag == 1)
        }
        buffer.moveReaderIndex(forwardBy: GRPCMessage.prefixLength)
        guard let message = buffer.readSlice(length: Int(length)) else { return nil }
        return (message, flag == 1)
    }
}

/// The limit of a message received, and the configuration key that changes it.
struct ByteLimit: Sendable {
    /// Who received the message.
    enum Side: Sendable { case client, server }

    let bytes: Int
    let key: String
    let side: Side

    func exceeded(_ size: String) -> GRPCStatus {
        switch side {
        case .server:
            GRPCStatus(
                .resourceExhausted,
                "a request message \(size) is over the limit of \(bytes) bytes; send less, or raise \(key) on the server"
            )
        case .client:
            GRPCStatus(
                .resourceExhausted,
                "an answer \(size) is over the limit of \(bytes) bytes; have the server send less, or raise \(key)"
            )
        }
    }
}
