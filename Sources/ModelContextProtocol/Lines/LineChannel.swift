// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Messages over a pair of pipes, one on each line, as MCP's stdio transport has them.
///
/// Lines end with LF and with nothing else: U+2028 and its like are text. A line over the limit ends the channel.
final class LineChannel: Sendable {
    /// How the channel ended.
    enum End: Sendable, Equatable {
        /// The other end has closed its output; what we write may still be read.
        case inputClosed
        /// A line was over the limit, so that nothing more is read.
        case overlong(String)
        /// Nothing can be read or written any more.
        case closed(String)
    }

    /// Takes what comes; called on the event loop.
    protocol Receiver: AnyObject, Sendable {
        /// A line, without its end, and not empty.
        func received(_ line: ByteBuffer)
        /// No line follows. May be called twice: when the input ends, and when the channel is closed.
        func ended(_ end: End)
    }

    /// The most bytes that may wait for a reader that does not read; more end the channel.
    static let maxBacklog = 64 << 20
    /// From here on nothing is read until the other end has read, so that it cannot make us hoard answers.
    private static let highWater = 1 << 20

    private let channel: any Channel
    private let handler: NIOLoopBound<LineHandler>
    private let unsent = Atomic<Int>(0)

    private init(_ channel: any Channel, _ handler: LineHandler) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// Opens a channel over two descriptors, which it owns from now on.
    ///
    /// - Throws: when they are not pipes, sockets or terminals.
    static func open(
        input: CInt, output: CInt, maxLine: Int, on eventLoop: any EventLoop, receiver: any Receiver
    ) async throws -> LineChannel {
        let channel = try await NIOPipeBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: false)
            .takingOwnershipOfDescriptors(input: input, output: output)
            .get()
        return try await channel.eventLoop.submit {
            let handler = LineHandler(receiver: receiver, maxLine: maxLine)
            let lines = LineChannel(channel, handler)
            try channel.pipeline.syncOperations.addHandler(handler)
            return lines
        }.get()
    }

    /// The event loop on which lines are received.
    var eventLoop: any EventLoop { channel.eventLoop }

    /// Begins to read.
    func start() {
        channel.setOption(.autoRead, value: true).whenComplete { [channel] _ in channel.read() }
    }

    /// Writes a message as a line, after the messages before it; false when nobody will get it.
    @discardableResult
    func send(_ message: [UInt8]) -> Bool {
        guard channel.isActive else { return false }
        write(message, promise: nil)
        return true
    }

    /// Writes a message as a line, and waits until the system has taken it.
    func write(_ message: [UInt8]) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        write(message, promise: promise)
        try await promise.futureResult.get()
    }

    private func write(_ message: [UInt8], promise: EventLoopPromise<Void>?) {
        var buffer = channel.allocator.buffer(capacity: message.count + 1)
        buffer.writeBytes(message)
        // Checked JSON has line feeds between its tokens only, where a space says the same.
        buffer.withUnsafeMutableReadableBytes { bytes in
            for position in bytes.indices where bytes[position] == 0x0A { bytes[position] = 0x20 }
        }
        buffer.writeInteger(UInt8(0x0A))
        let count = buffer.readableBytes
        let waiting = unsent.wrappingAdd(count, ordering: .relaxed).newValue
        guard waiting <= Self.maxBacklog else {
            unsent.wrappingSubtract(count, ordering: .relaxed)
            promise?.fail(ChannelError.ioOnClosedChannel)
            close()
            return
        }
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in
            let left = self.unsent.wrappingSubtract(count, ordering: .relaxed).newValue
            if left <= Self.highWater { self.handler.value.setBlocked(false) }
        }
        if let promise { written.futureResult.cascade(to: promise) }
        channel.eventLoop.runHere { [buffer] in
            if waiting > Self.highWater { self.handler.value.setBlocked(true) }
            self.channel.writeAndFlush(buffer, promise: written)
        }
    }

    /// Waits until the system has taken all that was sent, for some time at most.
    func waitUntilSent(atMost limit: Duration) async {
        let outcome = Outcome<Void>()
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in outcome.give(()) }
        // Written after everything else, and so not before it.
        channel.writeAndFlush(ByteBuffer(), promise: promise)
        let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { outcome.give(()) }
        await outcome.wait()
        timer.cancel()
    }

    /// Stops or resumes reading, for a receiver that has enough for now.
    func setPaused(_ isPaused: Bool) {
        channel.eventLoop.runHere { self.handler.value.setPaused(isPaused) }
    }

    /// Closes our output, so that the other end knows that nothing follows.
    func closeOutput() {
        channel.close(mode: .output, promise: nil)
    }

    /// Closes both directions.
    func close() {
        channel.close(mode: .all, promise: nil)
    }

    /// Waits until both directions are closed.
    func waitUntilClosed() async {
        try? await channel.closeFuture.get()
    }
}

extension EventLoop {
    /// Does something on this loop: at once when called there.
    func runHere(_ action: @escaping @Sendable () -> Void) {
        if inEventLoop { action() } else { execute(action) }
    }
}
