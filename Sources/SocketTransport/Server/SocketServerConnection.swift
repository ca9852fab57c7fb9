// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Sockets

/// One connection of a raw socket server: its frames, its calls, its timer.
///
/// It carries one call at a time, each answered before the next is looked at, as ContextForge's clients expect; or, after a peer of
/// ours has said hello, any number in frames that name their call. There is no task before a request is whole.
///
/// `@unchecked Sendable`: every variable is read and written on the event loop only; tasks carry a reference to hand calls back.
final class SocketServerConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase: Sendable {
        case open
        /// It takes no more calls, and closes when those it has are answered.
        case draining
        /// It closes when what was written has been taken.
        case closing
        case closed
    }

    let server: SocketServerState
    let eventLoop: any EventLoop
    let peer: PeerCredentials
    let channel: any Channel
    var context: ChannelHandlerContext?
    var phase = Phase.open

    // What both sides can do, once the peer has said hello.
    var features: WireFeatures = []
    var isMultiplexed = false

    // Arriving.
    var reader = FrameReader()
    /// Bytes of the reader that are taken from the budget.
    var held = 0
    /// The peer sends no more.
    var inputEnded = false
    /// Between `channelRead` and `channelReadComplete`.
    var isReading = false
    var readPending = false

    // Running.
    /// The call of a connection that carries one at a time.
    var current: SocketServerCall?
    /// The calls of a multiplexed one.
    var calls: [UInt32: SocketServerCall] = [:]
    /// The highest number of a call that was begun.
    var lastCall: UInt32 = 0
    /// Calls whose task has not ended, cancelled ones included.
    var running = 0

    // Leaving.
    var outgoing = ByteBuffer()
    var flushScheduled = false
    /// Bytes of answers that wait for a peer that does not read.
    var unread = 0

    // Watching.
    var lastActivity = NIODeadline.now()
    /// When the frame that is arriving began to.
    var frameSince: NIODeadline?
    /// When the peer stopped taking what is written.
    var unwritableSince: NIODeadline?
    var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?

    /// What is written is handed over when there is so much of it, however many answers may follow.
    static let longestBurst = 256 << 10

    init(server: SocketServerState, channel: any Channel, peer: PeerCredentials) {
        self.server = server
        self.channel = channel
        self.peer = peer
        eventLoop = channel.eventLoop
    }

    // MARK: Bytes

    func channelActive(context: ChannelHandlerContext) {
        lastActivity = .now()
        watch()
        read()
        context.fireChannelActive()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase == .open || phase == .draining else { return }
        isReading = true
        let bytes = unwrapInboundIn(data)
        let isHeld = server.budget.reserve(bytes.readableBytes)
        if isHeld { held += bytes.readableBytes }
        reader.append(bytes)
        if isHeld {
            process()
        } else {
            refuseForBudget()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        readPending = false
        lastActivity = .now()
        settle()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            inputEnded = true
            settle()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSince = nil
            server.budget.release(unread)
            unread = 0
            scheduleSettling()
        } else if unwritableSince == nil {
            unwritableSince = .now()
            watch()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Its close follows, and the peer going away is nobody's fault.
        server.logger.debug("a connection failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        context.close(promise: nil)
    }

    // MARK: Going on

    /// After anything that happened: hands over what was written, asks for more, and closes what has nothing left to do.
    func settle() {
        flush()
        closeIfDone()
        read()
        watch()
    }

    /// Whether more bytes are wanted.
    private var wantsBytes: Bool {
        (phase == .open || phase == .draining) && !inputEnded && current == nil && channel.isWritable
    }

    private func read() {
        guard wantsBytes, !readPending, !isReading, let context else { return }
        readPending = true
        context.read()
    }

    private func closeIfDone() {
        // Unwritable: requests may wait that are answered once the peer reads.
        guard phase == .open || phase == .draining, openCalls == 0, channel.isWritable else { return }
        if phase == .draining || inputEnded { close() }
    }

    /// Calls that somebody waits for.
    var openCalls: Int { calls.count + (current == nil ? 0 : 1) }

    // MARK: Writing

    /// Hands over what was written with one flush.
    func flush() {
        guard outgoing.readableBytes > 0, let context else { return }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        if outgoing.capacity > Self.longestBurst { outgoing = ByteBuffer() } else { outgoing.clear() }
    }

    /// Writes with one flush what several calls finish at about the same time.
    func scheduleSettling() {
        guard !flushScheduled, !isReading else { return }
        flushScheduled = true
        eventLoop.execute {
            self.flushScheduled = false
            // What waited for an answer is taken up here, and not within the call that ended: a plugin that answers at once would
            // deepen the stack with each of them.
            self.process()
            self.settle()
        }
    }

    /// Writes bytes that were put together elsewhere.
    func write(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > Self.longestBurst / 8 else {
            outgoing.writeImmutableBuffer(bytes)
            return
        }
        flush()
        context?.write(wrapOutboundOut(bytes), promise: nil)
        context?.flush()
    }
}
