// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Cuts a stream of bytes into frames: `[length, 4 bytes big-endian][frame]`.
///
/// Pure: it holds what has arrived and not more, whatever lengths are claimed. A frame that is too long, or that there is no room
/// for, is passed over as it arrives, so that the ones behind it can still be read.
package struct FrameReader: Sendable {
    /// What was found in the stream.
    package enum Event: Sendable {
        /// A whole frame.
        case frame(ByteBuffer)
        /// A frame that is not kept; told as soon as it begins.
        case discarded(Discarded)
    }

    /// A frame that is not kept.
    package struct Discarded: Sendable, Equatable {
        /// Its length as it says itself.
        package let length: Int
        /// Its first bytes: ``FrameReader/headLength``, or all if it is shorter.
        package let head: ByteBuffer
    }

    /// The bytes before each frame.
    package static let prefixLength = 4
    /// How many bytes of a discarded frame are told.
    package static let headLength = 5

    private var buffer = ByteBuffer()
    /// Frames that were cut from `buffer` and share its storage.
    private var isShared = false
    private var toDiscard = 0

    /// Makes a reader at the beginning of a stream.
    package init() {}

    /// The bytes held.
    package var bufferedBytes: Int { buffer.readableBytes }

    /// Whether a frame has begun to arrive and is not whole.
    ///
    /// Meaningful when ``next(limit:)`` has just returned nil.
    package var isInsideFrame: Bool { toDiscard > 0 || buffer.readableBytes > 0 }

    /// Adds bytes of the stream.
    package mutating func append(_ bytes: ByteBuffer) {
        guard buffer.readableBytes > 0 else {
            buffer = bytes
            isShared = true
            return
        }
        if isShared {
            // To grow in place is to grow alone: the storage of the frames cut before is theirs.
            var own = ByteBufferAllocator().buffer(capacity: buffer.readableBytes + bytes.readableBytes)
            own.writeImmutableBuffer(buffer)
            buffer = own
            isShared = false
        }
        buffer.writeImmutableBuffer(bytes)
    }

    /// The next frame; nil when more bytes are needed.
    ///
    /// - Parameter limit: The most bytes of a frame that is kept.
    package mutating func next(limit: Int) -> Event? {
        guard discard(), let length = claimedLength else { return nil }
        guard length <= limit else { return discardFrame(length) }
        guard buffer.readableBytes >= Self.prefixLength + length else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.prefixLength)
        let frame = buffer.readSlice(length: length) ?? ByteBuffer()
        isShared = true
        releaseIfEmpty()
        return .frame(frame)
    }

    /// Lets go of the frame that is arriving; nil when not enough of it has arrived to tell which one it is.
    package mutating func discardCurrent() -> Discarded? {
        guard toDiscard == 0, let length = claimedLength, case .discarded(let frame)? = discardFrame(length) else {
            return nil
        }
        return frame
    }

    /// The length of the frame at the front, once it has arrived.
    private var claimedLength: Int? {
        buffer.getInteger(at: buffer.readerIndex, as: UInt32.self).map { Int($0) }
    }

    private mutating func discardFrame(_ length: Int) -> Event? {
        let head = min(Self.headLength, length)
        guard let bytes = buffer.getSlice(at: buffer.readerIndex + Self.prefixLength, length: head) else { return nil }
        let frame = Discarded(length: length, head: ByteBuffer(bytes: bytes.readableBytesView))
        toDiscard = Self.prefixLength + length
        _ = discard()
        return .discarded(frame)
    }

    /// Passes over what is not kept; whether a frame begins here.
    private mutating func discard() -> Bool {
        guard toDiscard > 0 else { return true }
        let count = min(toDiscard, buffer.readableBytes)
        buffer.moveReaderIndex(forwardBy: count)
        toDiscard -= count
        releaseIfEmpty()
        return toDiscard == 0
    }

    /// Memory follows what is held.
    private mutating func releaseIfEmpty() {
        if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    }
}
