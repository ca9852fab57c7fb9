// SPDX-License-Identifier: Apache-2.0

internal import Glibc
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
    private let outbox = Mutex(Outbox())

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
        guard isStream(input), isStream(output) else {
            Glibc.close(input)
            Glibc.close(output)
            throw NoStream()
        }
        return try await NIOPipeBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: false)
            .takingOwnershipOfDescriptors(input: input, output: output) { channel in
                // Before anything is read, which is at once when the other end has been closed already.
                channel.eventLoop.makeCompletedFuture {
                    let handler = LineHandler(receiver: receiver, maxLine: maxLine, waitsForStart: true)
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return LineChannel(channel, handler)
                }
            }
    }

    /// Whether a descriptor can be waited for: /dev/null and files cannot.
    private static func isStream(_ descriptor: CInt) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        switch status.st_mode & S_IFMT {
        case S_IFIFO, S_IFSOCK: return true
        default: return isatty(descriptor) == 1
        }
    }

    private struct NoStream: Error, CustomStringConvertible {
        var description: String { "one of them is no pipe, socket or terminal" }
    }

    /// The event loop on which lines are received.
    var eventLoop: any EventLoop { channel.eventLoop }

    /// Begins to read, and tells the receiver what has come already.
    func start() {
        eventLoop.runHere { self.handler.value.start() }
        channel.setOption(.autoRead, value: true).whenComplete { [channel] _ in channel.read() }
    }

    /// Writes a message as a line, after the messages before it; false when nobody will get it.
    @discardableResult
    func send(_ message: [UInt8]) -> Bool {
        guard channel.isActive else { return false }
        return add(message, nil)
    }

    /// Writes a message as a line, and waits until the system has taken it.
    func write(_ message: [UInt8]) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        if !add(message, promise) { promise.fail(ChannelError.ioOnClosedChannel) }
        try await promise.futureResult.get()
    }

    /// What is to be written: collected from all threads, and given to the channel at once.
    private struct Outbox {
        var lines = ByteBuffer()
        var promises: [EventLoopPromise<Void>] = []
        /// How many bytes the system has not taken, those in `lines` among them.
        var unsent = 0
        var isScheduled = false
    }

    private func add(_ message: [UInt8], _ promise: EventLoopPromise<Void>?) -> Bool {
        let (isTaken, isFirst) = outbox.withLock { outbox -> (Bool, Bool) in
            guard outbox.unsent + message.count < Self.maxBacklog else { return (false, false) }
            outbox.unsent += message.count + 1
            outbox.lines.writeLine(message)
            if let promise { outbox.promises.append(promise) }
            defer { outbox.isScheduled = true }
            return (true, !outbox.isScheduled)
        }
        guard isTaken else {
            close()
            return false
        }
        // Not at once even on the loop: what is said in one turn of it goes out in one write.
        if isFirst { channel.eventLoop.execute { self.empty() } }
        return true
    }

    /// Gives the channel what was collected; on the loop.
    private func empty() {
        let (lines, promises, unsent) = outbox.withLock { outbox in
            defer {
                outbox.lines = ByteBuffer()
                outbox.promises = []
                outbox.isScheduled = false
            }
            return (outbox.lines, outbox.promises, outbox.unsent)
        }
        if unsent > Self.highWater { handler.value.setBlocked(true) }
        let count = lines.readableBytes
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in
            let left = self.outbox.withLock { outbox in
                outbox.unsent -= count
                return outbox.unsent
            }
            if left <= Self.highWater { self.handler.value.setBlocked(false) }
        }
        for promise in promises { written.futureResult.cascade(to: promise) }
        channel.writeAndFlush(lines, promise: written)
    }

    /// Waits until the system has taken all that was sent, for some time at most.
    func waitUntilSent(atMost limit: Duration) async {
        let outcome = Outcome<Void>()
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in outcome.give(()) }
        // Behind what is still to be given to the channel, and so not before it.
        eventLoop.execute { self.channel.writeAndFlush(ByteBuffer(), promise: promise) }
        let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { outcome.give(()) }
        await outcome.wait()
        timer.cancel()
    }

    /// Stops or resumes reading, for a receiver that has enough for now.
    func setPaused(_ isPaused: Bool) {
        channel.eventLoop.runHere { self.handler.value.setPaused(isPaused) }
    }

    /// Closes our output behind what was sent, so that the other end knows that nothing follows.
    func closeOutput() {
        eventLoop.execute { self.channel.close(mode: .output, promise: nil) }
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

extension ByteBuffer {
    /// Writes a message and the end of its line.
    ///
    /// Checked JSON has line feeds between its tokens only, where a space says the same.
    fileprivate mutating func writeLine(_ message: [UInt8]) {
        reserveCapacity(minimumWritableBytes: message.count + 1)
        writeBytes(message)
        let hasLineFeed = message.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return memchr(start, 0x0A, bytes.count) != nil
        }
        if hasLineFeed {
            withUnsafeMutableReadableBytes { bytes in
                let start = bytes.count - message.count
                for position in start..<bytes.count where bytes[position] == 0x0A { bytes[position] = 0x20 }
            }
        }
        writeInteger(UInt8(0x0A))
    }
}
