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

    /// The bytes held.
    var bufferedBytes: Int { buffer.readableBytes }

    mutating func append(_ data: consuming ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = data
        } else {
            buffer.writeBuffer(&data)
        }
    }

    /// How long the message at the front is, as it says itself, once that has arrived.
    var claimedLength: Int? {
        guard let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self) else { return nil }
        return Int(length)
    }

    /// Lets go of the message at the front, of which not all need have arrived.
    ///
    /// - Parameter headLength: How many of its first bytes are wanted.
    /// - Returns: These, how many bytes are gone, and how many are to be passed over when they come; nil while too few have arrived.
    mutating func discard(headLength: Int) -> (head: ByteBuffer, gone: Int, missing: Int)? {
        guard let claimedLength,
            let head = buffer.getSlice(at: buffer.readerIndex + GRPCMessage.prefixLength, length: headLength)
        else { return nil }
        let size = GRPCMessage.prefixLength + max(claimedLength, headLength)
        let gone = min(size, buffer.readableBytes)
        let bytes = ByteBuffer(bytes: head.readableBytesView)
        buffer.moveReaderIndex(forwardBy: gone)
        return (bytes, gone, size - gone)
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
