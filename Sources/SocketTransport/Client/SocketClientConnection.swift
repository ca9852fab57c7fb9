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
    private let owner: SocketChannel
    private let inbox = Mutex(Inbox())
    private let opened = NIODeadline.now()

    var context: ChannelHandlerContext?
    var phase = Phase.greeting
    /// Set before others hear of the connection, and never after.
    private(set) var features: WireFeatures = []
    private(set) var isMultiplexed = false

    private var reader = FrameReader()
    /// Bytes of the reader that are taken from the budget.
    private var held = 0
    private var isReading = false

    /// The call of a connection that carries one at a time.
    private var current: SocketClientCall?
    /// The calls of a multiplexed one.
    private var calls: [UInt32: SocketClientCall] = [:]
    /// Those that wait until it has fewer.
    private var backlog: [SocketClientCall] = []
    private var lastID: UInt32 = 0

    private var outgoing = ByteBuffer()
    private var flushScheduled = false
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?
    private var wasActive = false

    /// Beyond this number of a call another connection takes over.
    private static let lastUsableID = UInt32.max - 1_000_000
    /// Requests up to this size are written together with others.
    private static let longestCopied = 16 << 10
    private static let longestBurst = 256 << 10

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

    // MARK: Starting calls

    private func start(_ call: SocketClientCall) {
        guard phase == .open else {
            // It was on its way here when the connection ended: nothing of it was sent.
            owner.dispatch(call)
            return
        }
        if isMultiplexed, calls.count >= environment.limits.maximumCallsPerConnection {
            backlog.append(call)
            watch(call.deadline)
            return
        }
        guard call.assign(self) else {
            if !isMultiplexed { owner.released(self) }
            return
        }
        if isMultiplexed { writeTagged(call) } else { writePlain(call) }
        watch(call.deadline)
        scheduleFlush()
    }

    private func writePlain(_ call: SocketClientCall) {
        current = call
        outgoing.writeInteger(UInt32(call.request.readableBytes))
        writeRequest(call.request)
    }

    private func writeTagged(_ call: SocketClientCall) {
        lastID += 1
        call.id = lastID
        calls[lastID] = call
        let hasLimit = call.kind == .invokeHook
        let length = TaggedFrame.headLength + (hasLimit ? 4 : 0) + call.request.readableBytes
        outgoing.writeInteger(UInt32(length))
        TaggedFrame.writeHead(call.kind, call: call.id, into: &outgoing)
        if hasLimit {
            let left = (call.deadline - .now()).nanoseconds / 1_000_000
            outgoing.writeInteger(UInt32(clamping: max(1, left)))
        }
        writeRequest(call.request)
        if lastID >= Self.lastUsableID { retire() }
    }

    private func writeRequest(_ request: ByteBuffer) {
        guard request.readableBytes > Self.longestCopied else {
            outgoing.writeImmutableBuffer(request)
            return
        }
        handOver()
        context?.write(wrapOutboundOut(request), promise: nil)
        scheduleFlush()
    }

    private func startBacklog() {
        guard !backlog.isEmpty, calls.count < environment.limits.maximumCallsPerConnection else { return }
        let room = environment.limits.maximumCallsPerConnection - calls.count
        let next = backlog.prefix(room)
        backlog.removeFirst(next.count)
        for call in next { start(call) }
    }

    // MARK: Writing

    private func scheduleFlush() {
        guard !flushScheduled, !isReading else { return }
        flushScheduled = true
        eventLoop.execute {
            self.flushScheduled = false
            self.flush()
        }
    }

    private func handOver() {
        guard outgoing.readableBytes > 0, let context else { return }
        context.write(wrapOutboundOut(outgoing), promise: nil)
        if outgoing.capacity > Self.longestBurst { outgoing = ByteBuffer() } else { outgoing.clear() }
    }

    private func flush() {
        guard outgoing.readableBytes > 0, let context else {
            context?.flush()
            return
        }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        // What was written is free again by now, so that its storage can be used once more.
        if outgoing.capacity > Self.longestBurst { outgoing = ByteBuffer() } else { outgoing.clear() }
    }

    // MARK: Bytes

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

    private func process() {
        while phase != .closed, let event = reader.next(limit: environment.limits.maximumMessageSize) {
            switch event {
            case .frame(let frame):
                let count = min(held, frame.readableBytes + FrameReader.prefixLength)
                held -= count
                receive(frame, reserved: count)
            case .discarded(let frame):
                refuse(frame, SocketCallFailure(.tooLong, tooLong(frame.length)))
            }
        }
    }

    private func tooLong(_ length: Int) -> String {
        "the server at \(environment.path) sent \(length) as the length of an answer, which may have "
            + "\(environment.limits.maximumMessageSize); raise gatehouse.unix_socket_client.max_message_size, "
            + "or check that a plugin server listens there"
    }

    private func releaseHeld() {
        let surplus = held - reader.bufferedBytes
        guard surplus > 0 else { return }
        held -= surplus
        environment.budget.release(surplus)
    }

    /// There is no room for what has arrived: it is let go of, and its caller is told.
    private func refuseForBudget() {
        guard phase != .closed, let frame = reader.discardCurrent() else { return }
        refuse(
            frame,
            SocketCallFailure(
                .unavailable,
                "the process holds as many bytes of messages as it may (\(environment.budget.limit)), so that the answer of the "
                    + "server at \(environment.path) was dropped; try again later, or raise gatehouse.memory_budget"))
    }

    private func refuse(_ frame: FrameReader.Discarded, _ failure: SocketCallFailure) {
        if isMultiplexed, let tagged = try? TaggedFrame(decoding: frame.head) {
            calls.removeValue(forKey: tagged.call)?.finish(.failure(failure))
            startBacklog()
        } else {
            current?.finish(.failure(failure))
            current = nil
            close(failure.message)
        }
    }

    // MARK: Answers

    private func receive(_ frame: ByteBuffer, reserved: Int) {
        if phase == .greeting {
            environment.budget.release(reserved)
            receiveGreeting(frame)
        } else if isMultiplexed {
            receiveTagged(frame, reserved)
        } else if let call = current {
            current = nil
            call.takeOver(reserved)
            call.finish(.success(frame))
            owner.released(self)
        } else {
            environment.budget.release(reserved)
            close("the server sent an answer that nobody asked for")
        }
    }

    private func receiveGreeting(_ frame: ByteBuffer) {
        // A server of another make says that it does not know the message, in whatever words.
        if let hello = try? PeerHello(decoding: frame) {
            features = WireFeatures(announced: hello.peer.features)
        }
        isMultiplexed = features.contains(.multiplexedFrames)
        phase = .open
        owner.connected(self)
    }

    private func receiveTagged(_ bytes: ByteBuffer, _ reserved: Int) {
        guard let frame = try? TaggedFrame(decoding: bytes) else {
            environment.budget.release(reserved)
            close("the server sent a frame without a head")
            return
        }
        switch frame.kind {
        case .answer:
            guard let call = calls.removeValue(forKey: frame.call) else {
                // It was cancelled while its answer was on the way.
                environment.budget.release(reserved)
                return
            }
            call.takeOver(reserved)
            call.finish(.success(frame.body))
            startBacklog()
        case .refusal:
            environment.budget.release(reserved)
            guard let call = calls.removeValue(forKey: frame.call) else { return }
            let reason = String(decoding: frame.body.readableBytesView.prefix(1_024), as: UTF8.self)
            if phase == .draining {
                owner.dispatch(call)
            } else {
                call.finish(
                    .failure(
                        SocketCallFailure(
                            .unavailable, "the server at \(environment.path) did not begin the call: \(reason)")))
            }
            startBacklog()
        case .goAway:
            environment.budget.release(reserved)
            retire()
            // Those it did not begin can be begun elsewhere.
            for call in calls.values where call.id > frame.call {
                calls[call.id] = nil
                owner.dispatch(call)
            }
        default:
            // What a later version may send is no reason to fail.
            environment.budget.release(reserved)
        }
    }

    // MARK: Time

    private func watch(_ deadline: NIODeadline) {
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
    private func retire() {
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
