// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginWire
import Sockets
import Synchronization

/// One connection to a raw socket server.
///
/// It begins with a hello. A server of ours answers with its own: then the connection carries any number of calls, and a call that is
/// not wanted any more is cancelled. Any other answer means one call at a time; a call that is not wanted any more then closes the
/// connection, so that its late answer cannot reach another caller.
///
/// `@unchecked Sendable`: every variable but the inbox is read and written on the event loop only.
final class SocketClientConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase: Sendable {
        /// The hello is not answered yet.
        case greeting
        case open
        /// The server takes no more calls on it.
        case draining
        case closed
    }

    private struct Inbox {
        var calls: [SocketClientCall] = []
        var isScheduled = false
        var isClosed = false
    }

    /// What it is made of.
    struct Environment: Sendable {
        let path: String
        let limits: SocketChannelConfiguration
        let budget: ByteBudget
        let logger: Logger
    }

    let environment: Environment
    let eventLoop: any EventLoop
    /// Whom it tells what becomes of it.
    let owner: SocketChannel
    private let inbox = Mutex(Inbox())
    private let opened = NIODeadline.now()

    var context: ChannelHandlerContext?
    var phase = Phase.greeting
    /// Set before others hear of the connection, and never after.
    var features: WireFeatures = []
    var isMultiplexed = false

    var reader = FrameReader()
    /// Bytes of the reader that are taken from the budget.
    var held = 0
    var isReading = false

    /// The call of a connection that carries one at a time.
    var current: SocketClientCall?
    /// The calls of a multiplexed one.
    var calls: [UInt32: SocketClientCall] = [:]
    /// Those that wait until it has fewer.
    var backlog: [SocketClientCall] = []
    var lastID: UInt32 = 0

    var outgoing = ByteBuffer()
    var flushScheduled = false
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?
    private var wasActive = false

    /// Beyond this number of a call another connection takes over.
    static let lastUsableID = UInt32.max - 1_000_000
    /// Requests up to this size are written together with others.
    static let longestCopied = 16 << 10
    static let longestBurst = 256 << 10

    init(owner: SocketChannel, environment: Environment, eventLoop: any EventLoop) {
        self.owner = owner
        self.environment = environment
        self.eventLoop = eventLoop
    }

    /// How long it has lived.
    var age: TimeAmount { .now() - opened }

    // MARK: Calls from any thread

    /// Hands over a call.
    func submit(_ call: SocketClientCall) {
        if eventLoop.inEventLoop {
            start(call)
            return
        }
        let (isClosed, wakes) = inbox.withLock { inbox in
            guard !inbox.isClosed else { return (true, false) }
            inbox.calls.append(call)
            defer { inbox.isScheduled = true }
            return (false, !inbox.isScheduled)
        }
        if isClosed {
            owner.dispatch(call)
        } else if wakes {
            eventLoop.execute { self.emptyInbox() }
        }
    }

    private func emptyInbox() {
        let calls = inbox.withLock { inbox in
            inbox.isScheduled = false
            defer { inbox.calls = [] }
            return inbox.calls
        }
        for call in calls { start(call) }
        if !isReading { flush() }
    }

    /// Lets go of a call that has ended before its answer.
    func letGo(_ call: SocketClientCall) {
        guard eventLoop.inEventLoop else {
            eventLoop.execute { self.letGo(call) }
            return
        }
        if current === call {
            close("a call on it was cancelled or took too long, and its answer must not be taken for another's")
        } else if call.id > 0, calls[call.id] === call {
            calls[call.id] = nil
            outgoing.writeFrame { TaggedFrame.writeHead(.cancel, call: call.id, into: &$0) }
            startBacklog()
            scheduleFlush()
        }
    }

    /// Ends the connection; its calls fail.
    func shutDown() {
        eventLoop.execute { self.close("the client was shut down") }
    }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        wasActive = true
        var hello = ByteBuffer()
        do throws(WireError) {
            try PeerHello().encode(into: &hello)
        } catch {
            close("\(error)")
            return
        }
        outgoing.writeFrame { $0.writeImmutableBuffer(hello) }
        flush()
        watch(.now() + TimeAmount(environment.limits.connectTimeout))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .closed else { return }
        isReading = true
        let bytes = unwrapInboundIn(data)
        let isHeld = environment.budget.reserve(bytes.readableBytes)
        if isHeld { held += bytes.readableBytes }
        reader.append(bytes)
        process()
        if !isHeld { refuseForBudget() }
        releaseHeld()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        finishDraining()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close("\(error)")
    }

    // MARK: Time

    func watch(_ deadline: NIODeadline) {
        if let timer, timer.deadline <= deadline { return }
        timer?.scheduled.cancel()
        timer = (
            deadline,
            eventLoop.scheduleTask(deadline: deadline) {
                self.timer = nil
                self.look(.now())
            }
        )
    }

    private func look(_ now: NIODeadline) {
        if phase == .greeting {
            close("the server did not answer within \(environment.limits.connectTimeout)")
            return
        }
        var next: NIODeadline?
        for call in Array(calls.values) + backlog + (current.map { [$0] } ?? []) {
            if call.deadline <= now {
                expire(call)
            } else {
                next = next.map { min($0, call.deadline) } ?? call.deadline
            }
        }
        backlog.removeAll { $0.deadline <= now }
        if let next { watch(next) }
    }

    private func expire(_ call: SocketClientCall) {
        call.finish(.failure(SocketCallFailure(.timeout, "the call's time is over")))
        letGo(call)
    }

    // MARK: The end

    /// No more calls are begun on it.
    func retire() {
        guard phase == .open else { return }
        phase = .draining
        owner.retired(self)
        let waiting = backlog
        backlog = []
        for call in waiting { owner.dispatch(call) }
        scheduleFlush()
    }

    private func finishDraining() {
        if phase == .draining, calls.isEmpty { close("it has ended in good order") }
    }

    /// Closes the connection for a reason.
    func close(_ reason: String) {
        guard phase != .closed else { return }
        let context = context
        end(because: reason)
        context?.close(promise: nil)
    }

    /// The channel is gone; one that never connected is ended by whoever tried.
    func channelClosed() {
        if wasActive { end(because: "the server closed it") }
    }

    /// Tells everybody who counts on it.
    private func end(because reason: String) {
        guard phase != .closed else { return }
        let wasGreeting = phase == .greeting
        phase = .closed
        timer?.scheduled.cancel()
        timer = nil
        environment.budget.release(held)
        held = 0
        reader = FrameReader()
        // First it is taken out of the pool: a call that finds the inbox closed must not come back here.
        owner.closed(self, because: reason, beforeItOpened: wasGreeting)
        let unsent = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.calls = [] }
            return inbox.calls
        }
        let failed = Array(calls.values) + (current.map { [$0] } ?? [])
        let waiting = backlog
        (calls, current, backlog) = ([:], nil, [])
        for call in failed {
            call.finish(
                .failure(
                    SocketCallFailure(
                        .unavailable,
                        "the connection to \(environment.path) was lost before the answer came (\(reason)); "
                            + "the plugin may have run")))
        }
        for call in waiting + unsent { owner.dispatch(call) }
    }
}
