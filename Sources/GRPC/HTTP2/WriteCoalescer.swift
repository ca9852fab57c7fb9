// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Joins the small writes between two flushes into one buffer.
///
/// An answer is four writes: two header blocks, and DATA with its frame header. Copying them together is cheaper than
/// keeping, counting and vectoring each on its way to the socket, and it leaves the buffer in which the codec composes
/// frame headers to the codec alone, so that it need not be allocated anew for each frame.
final class WriteCoalescer: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// Writes longer than this go on as they are.
    private static let copyLimit = 8 << 10
    /// What is joined goes on at this size, so that the channel's limits are felt during a long burst.
    private static let joinedLimit = 32 << 10

    private var joined = ByteBuffer()
    private var promise: EventLoopPromise<Void>?
    /// The size the last burst had, which the next is likely to have.
    private var expected = 1 << 10

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .byteBuffer(var buffer) = unwrapOutboundIn(data), buffer.readableBytes <= Self.copyLimit else {
            forward(context)
            context.write(data, promise: promise)
            return
        }
        if joined.readableBytes == 0 { joined.reserveCapacity(expected) }
        joined.writeBuffer(&buffer)
        if let promise {
            if let mine = self.promise {
                mine.futureResult.cascade(to: promise)
            } else {
                self.promise = promise
            }
        }
        if joined.readableBytes >= Self.joinedLimit { forward(context) }
    }

    func flush(context: ChannelHandlerContext) {
        forward(context)
        context.flush()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        forward(context)
        context.close(mode: mode, promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        promise?.fail(ChannelError.ioOnClosedChannel)
        promise = nil
    }

    private func forward(_ context: ChannelHandlerContext) {
        guard joined.readableBytes > 0 else { return }
        expected = min(Self.joinedLimit, joined.readableBytes)
        var data = ByteBuffer()
        swap(&data, &joined)
        context.write(wrapOutboundOut(.byteBuffer(data)), promise: promise.take())
    }
}
