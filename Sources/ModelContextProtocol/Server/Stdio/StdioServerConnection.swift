// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOCore
internal import Sockets
internal import Synchronization
internal import Values

/// The one session of a stdio server, or the requests of a client of revision 2026-07-28, which has none.
///
/// Lines are taken on the event loop, in order; calls run in tasks of their own and overtake each other.
final class StdioServerConnection: LineChannel.Receiver {
    enum Phase {
        case new, initializing, open
        /// The client speaks revision 2026-07-28, and so begins no session.
        case modern
    }

    private struct State {
        var phase: Phase
        var lines: LineChannel?
    }

    private let application: any MCPServerApplication
    let limits: MCPServerLimits
    private let logger: Logger
    let session: MCPServerSession
    /// What requests of a client without a session have said of themselves.
    let envelopes = EnvelopeMemo()
    /// How requests of revision 2026-07-28 are served; nil when they are not.
    private let modern: ModernServing?
    private let executor: EventLoopTaskExecutor
    private let tasks = TaskOwner()
    private let notifications: SerialTasks
    private let end = Outcome<Bool>()
    private let state: Mutex<State>

    init(
        application: any MCPServerApplication, limits: MCPServerLimits, eventLoop: any EventLoop, logger: Logger
    ) {
        self.application = application
        self.limits = limits
        self.logger = logger
        modern = ModernServing(application, limits: limits)
        state = Mutex(State(phase: application.eras.contains(.handshake) ? .new : .modern))
        executor = EventLoopTaskExecutor.of(eventLoop)
        session = MCPServerSession(
            id: "stdio", principal: nil, revision: .latestHandshake, limits: limits, eventLoop: eventLoop)
        let pause = PauseSwitch()
        notifications = SerialTasks(
            owner: tasks, executor: executor, limit: limits.maxWaitingMessages, onFull: { pause.set($0) })
        self.pause = pause
    }

    private let pause: PauseSwitch

    /// Begins to read.
    func start(_ lines: LineChannel) {
        state.withLock { $0.lines = lines }
        pause.lines.withLock { $0 = lines }
        lines.start()
        tasks.start(on: executor) { [session] in
            await session.stream { message in try await lines.write(message) }
        }
    }

    /// Waits until the client closes our input, or ``stop()`` is called, or the task is cancelled.
    ///
    /// - Returns: whether it was the client.
    func waitForEnd() async -> Bool {
        await end.wait(orWhenCancelled: false)
    }

    /// Asks for the end.
    func stop() {
        end.give(false)
    }

    /// Lets calls end.
    func drain(atMost grace: Duration) async {
        session.endStreams()
        modern?.subscriptions.close()
        await tasks.waitUntilEmpty(atMost: grace)
    }

    /// Ends the session.
    func shutDown() async {
        session.end()
        let hasBegun = state.withLock { $0.phase == .initializing || $0.phase == .open }
        if hasBegun { await application.sessionEnded(session) }
        await tasks.end()
        let lines = state.withLock { $0.lines.take() }
        pause.lines.withLock { $0 = nil }
        await lines?.waitUntilSent(atMost: .seconds(2))
        lines?.close()
        await lines?.waitUntilClosed()
    }

    // MARK: Receiver

    func ended(_ end: LineChannel.End) {
        switch end {
        case .inputClosed: break
        case .closed(let reason):
            logger.debug("the MCP client over stdio is gone", metadata: ["reason": "\(reason)"])
        case .overlong(let reason):
            logger.error("ended the MCP session over stdio", metadata: ["reason": "\(reason)"])
        }
        self.end.give(true)
    }

    func received(_ line: ByteBuffer) {
        guard let lines = state.withLock({ $0.lines }) else { return }
        switch JSONRPCInput(decoding: Array(buffer: line)) {
        case .single(.failure(let fault)):
            lines.send(fault.response.encoded())
        case .single(.success(let message)):
            take(message, StdioOutlet(lines))
        case .batch(let messages):
            take(messages, lines)
        }
    }

    private func take(_ messages: [Result<JSONRPCMessage, JSONRPCFault>], _ lines: LineChannel) {
        let refusal: String? =
            switch state.withLock({ $0.phase }) {
            case .open where session.revision.allowsBatches:
                messages.count <= limits.maxBatch ? nil : "the batch has more than \(limits.maxBatch) messages"
            case .open: "revision \(session.revision) has no batches; send one message on each line"
            case .modern: "revision \(ProtocolRevision.latestModern) has no batches; send one message on each line"
            case .new, .initializing: "initialize must not be part of a batch; send it alone, and first"
            }
        if let refusal {
            lines.send(JSONRPCMessage.response(id: nil, .failure(.invalidRequest(refusal))).encoded())
            return
        }
        var requests = 0
        for message in messages {
            switch message {
            case .failure, .success(.request): requests += 1
            case .success: break
            }
        }
        let outlet = StdioBatchOutlet(lines, pending: requests)
        for message in messages {
            switch message {
            case .failure(let fault): outlet.refuse(fault)
            case .success(let message): take(message, outlet)
            }
        }
    }

    private func take(_ message: JSONRPCMessage, _ outlet: any CallOutlet) {
        switch message {
        case .request(let id, let method, let params):
            if let modern, isModern(method, params, state.withLock({ $0.phase })) {
                takeModern(modern, id, method, params, outlet)
            } else if method.hasSameBytes(as: MCPMethod.initialize) {
                initialize(id, params, outlet)
            } else if method.hasSameBytes(as: MCPMethod.ping) {
                outlet.answer(id, .success(Document(object: [:])))
            } else if method.hasSameBytes(as: MCPMethod.discover) {
                // A client of a later revision asks this first, and begins with `initialize` when it is refused.
                outlet.answer(id, .failure(.methodNotFound(method)))
            } else if state.withLock({ $0.phase }) != .open {
                outlet.answer(id, .failure(.invalidRequest("\(method) before initialize; begin the session first")))
            } else {
                call(
                    MCPServerCall(
                        session: session, id: id, method: method, params: params, http: nil, outlet: outlet))
            }
        case .notification(let method, let params):
            switch state.withLock({ $0.phase }) {
            case .new, .modern: return takeModernNotification(method, params)
            case .initializing, .open: break
            }
            // At once: a cancellation must not wait until the application has taken the notifications before it.
            session.take(method, params)
            notifications.add { [application, session] in
                await application.notification(method, params, from: session)
            }
        case .response(let id, let result):
            session.resolve(id, result)
        }
    }

    private func call(_ call: MCPServerCall) {
        start(call) { [application] call, slot in await application.run(call, slot) }
    }

    /// Runs a call in a task of its own.
    func start(_ call: MCPServerCall, _ run: @escaping @Sendable (MCPServerCall, TaskSlot) async -> Void) {
        let slot = TaskSlot()
        let started = tasks.start(on: executor, slot) { await run(call, slot) }
        if !started { call.outlet.answer(call.id, .failure(.internalError("the server is shutting down"))) }
    }

    /// The client has made a request that needs no session, and so speaks a revision without them.
    func settleOnModern() {
        state.withLock { state in
            if state.phase == .new { state.phase = .modern }
        }
    }

    private func initialize(_ id: JSONRPCID, _ params: Document?, _ outlet: any CallOutlet) {
        let parameters: InitializeParameters
        do throws(JSONRPCError) {
            parameters = try InitializeParameters(params)
            let isFirst = state.withLock { state in
                guard state.phase == .new else { return false }
                state.phase = .initializing
                return true
            }
            guard isFirst else { throw .invalidRequest("this session has begun already; initialize is sent once") }
        } catch {
            return outlet.answer(id, .failure(error))
        }
        session.begin(parameters)
        tasks.start(on: executor) { [self] in
            let result = await application.answer(session, parameters)
            let isOpen = if case .success = result { true } else { false }
            state.withLock { $0.phase = isOpen ? .open : .new }
            outlet.answer(id, result)
        }
    }
}

/// Stops and resumes the reading of a channel that does not exist yet when the switch is made.
private final class PauseSwitch: Sendable {
    let lines = Mutex<LineChannel?>(nil)

    func set(_ isPaused: Bool) {
        lines.withLock { $0 }?.setPaused(isPaused)
    }
}
