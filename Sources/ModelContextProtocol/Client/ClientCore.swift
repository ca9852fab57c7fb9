// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOCore
internal import Sockets
internal import Synchronization
internal import Values

/// What a client does whatever its transport: ids, progress tokens, cancellation, and what the server sends of its own accord.
final class ClientCore: Sendable {
    let limits: MCPClientLimits
    let eventLoop: any EventLoop
    let executor: EventLoopTaskExecutor
    let logger: Logger
    let tasks = TaskOwner()
    private let speaksModern = Atomic<Bool>(false)
    /// Notifications for the handler.
    let notifications: SerialTasks
    private let arrived = Atomic<Int>(0)
    let handler: any MCPClientHandler
    private let state = Mutex(State())

    private struct State {
        var link: (any ClientLink)?
        /// What is said with each request (revision 2026-07-28); nil in a session.
        var envelope: ClientEnvelope?
        var nextID: Int64 = 1
        var requests: [Int64: ClientRequest] = [:]
        var serverRequests: [JSONRPCID: TaskSlot] = [:]
        var endReason: String?
        var waiting: [Outcome<String?>] = []
    }

    init(handler: any MCPClientHandler, limits: MCPClientLimits, eventLoop: any EventLoop, logger: Logger) {
        self.handler = handler
        self.limits = limits
        self.eventLoop = eventLoop
        self.logger = logger
        executor = EventLoopTaskExecutor.of(eventLoop)
        let pause = PauseSignal()
        self.pause = pause
        notifications = SerialTasks(
            owner: tasks, executor: executor, limit: limits.maxWaitingNotifications, onFull: { pause.send($0) })
    }

    /// Tells a link that pushes what it reads to stop and to go on.
    let pause: PauseSignal

    func use(_ link: any ClientLink) {
        state.withLock { $0.link = link }
    }

    /// Whether requests stand alone (revision 2026-07-28).
    var isModern: Bool { speaksModern.load(ordering: .relaxed) }

    /// Says with each request what the envelope holds; nil for a session, in which nothing is said.
    func speak(_ envelope: ClientEnvelope?) {
        state.withLock { $0.envelope = envelope }
        speaksModern.store(envelope != nil, ordering: .relaxed)
    }

    // MARK: Requests

    func request(
        _ method: String, _ params: Document?, _ options: MCPRequestOptions
    ) async throws(MCPClientError) -> Document {
        let begin = ContinuousClock.now
        let result = try await send(method, params, options)
        guard isModern, try asksForInput(result, method) else { return result }
        return try await requestAgain(result, method, params, options, since: begin)
    }

    /// Sends a request once, and waits for its result, whatever that asks for.
    func send(
        _ method: String, _ params: Document?, _ options: MCPRequestOptions
    ) async throws(MCPClientError) -> Document {
        var params = params
        var token: Value?
        let meta = params?.document("_meta")
        if let meta { token = meta["progressToken"] }
        let (request, link, envelope) = try begin(token, options)
        if let envelope {
            params = envelope.stamped(
                params, meta, options, progressToken: token == nil ? Optional<Int64>.none : request.id)
        } else if let meta, token != nil {
            params = params?.setting("_meta", to: meta.setting("progressToken", to: Document(.int(request.id))))
        }
        defer {
            state.withLock { _ = $0.requests.removeValue(forKey: request.id) }
            request.end()
        }
        do throws(MCPClientError) {
            return try await link.exchange(request, method, params)
        } catch {
            // The server is told that nobody waits any more; never for `initialize` (MCP, Cancellation).
            switch error {
            case .cancelled where link.cancelsByClosing, .timeout where link.cancelsByClosing: break
            case .cancelled where !method.hasSameBytes(as: MCPMethod.initialize):
                sendLater(Self.cancellation(request.id, "the request was cancelled"))
            case .timeout where !method.hasSameBytes(as: MCPMethod.initialize):
                sendLater(Self.cancellation(request.id, "no answer came in time"))
            default: break
            }
            throw error
        }
    }

    private func begin(
        _ token: Value?, _ options: MCPRequestOptions
    ) throws(MCPClientError) -> (ClientRequest, any ClientLink, ClientEnvelope?) {
        let begun = state.withLock {
            state -> Result<(ClientRequest, any ClientLink, ClientEnvelope?), MCPClientError> in
            guard state.endReason == nil, let link = state.link else {
                return .failure(.transport("the MCP session is over: \(state.endReason ?? "it has not begun")"))
            }
            defer { state.nextID += 1 }
            let request = ClientRequest(id: state.nextID, progressToken: token, options: options)
            state.requests[request.id] = request
            return .success((request, link, state.envelope))
        }
        return try begun.get()
    }

    private static func cancellation(_ id: Int64, _ reason: String) -> JSONRPCMessage {
        let params: ValueObject = ["requestId": .int(id), "reason": .string(reason)]
        return .notification(method: MCPMethod.cancelled, params: Document(object: params))
    }

    func notify(_ method: String, _ params: Document?) async throws(MCPClientError) {
        let (link, reason) = state.withLock { ($0.link, $0.endReason) }
        guard let link, reason == nil else {
            throw .transport("the MCP session is over: \(reason ?? "it has not begun")")
        }
        try await link.send(.notification(method: method, params: params))
    }

    /// Sends a message from a task of its own.
    func sendLater(_ message: JSONRPCMessage) {
        guard let link = state.withLock({ $0.endReason == nil ? $0.link : nil }) else { return }
        tasks.start(on: executor) { [logger] in
            do throws(MCPClientError) {
                try await link.send(message)
            } catch {
                logger.debug("a message to an MCP server was lost", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: What comes

    /// How many messages a program has written.
    var arrivals: Int { arrived.load(ordering: .relaxed) }

    /// Counts a message of a program.
    func noteArrival() { arrived.wrappingAdd(1, ordering: .relaxed) }

    /// The request that an answer is for, if somebody still waits for it.
    func waiting(for id: JSONRPCID?) -> ClientRequest? {
        guard case .integer(let number) = id else { return nil }
        return state.withLock { $0.requests[number] }
    }

    /// All requests that wait.
    var waitingRequests: [ClientRequest] { state.withLock { Array($0.requests.values) } }

    /// Takes a notification.
    ///
    /// - Parameter request: the request on whose stream it came; nil when the transport does not tell.
    func take(_ method: String, _ params: Document?, of request: ClientRequest? = nil) {
        if method.hasSameBytes(as: MCPMethod.cancelled) {
            if let id = params?["requestId"].flatMap(JSONRPCID.init) { cancelServerRequest(id) }
            return
        }
        var request = request
        if method.hasSameBytes(as: MCPMethod.progress) {
            guard let id = params?["progressToken"].flatMap(JSONRPCID.init), let found = waiting(for: id) else {
                // For a request that has ended, or that nobody made.
                return
            }
            request = found
        } else if request == nil, isModern {
            request = listening(params)
        }
        if let request, request.take(method, params) { return }
        notifications.add { [handler] in await handler.notification(method, params) }
    }

    /// Takes a request of the server.
    ///
    /// Revision 2026-07-28 has none, and no way to answer: they are passed over.
    func serve(_ id: JSONRPCID, _ method: String, _ params: Document?, of request: ClientRequest? = nil) {
        guard !isModern else {
            return logger.warning(
                "an MCP server has sent a request, which revision \(ProtocolRevision.latestModern) does not allow",
                metadata: ["method": "\(method)"])
        }
        if method.hasSameBytes(as: MCPMethod.ping) {
            sendLater(.response(id: id, .success(Document(object: [:]))))
            return
        }
        let slot = TaskSlot()
        let refusal = state.withLock { state -> JSONRPCError? in
            guard state.serverRequests[id] == nil else { return .invalidRequest("the id \(id) is in use") }
            guard state.serverRequests.count < limits.maxServerRequests else {
                return .internalError("as many requests are being answered as may be; wait for an answer")
            }
            state.serverRequests[id] = slot
            return nil
        }
        if let refusal {
            sendLater(.response(id: id, .failure(refusal)))
            return
        }
        let answer = request?.options.onRequest
        // Where nothing tells whose request it belongs to, it may be for any of them that the server waits.
        let waiting = request.map { [$0] } ?? waitingRequests
        for request in waiting { request.answeringBegins() }
        let isStarted = tasks.start(on: executor, slot) { [self] in
            defer { for request in waiting { request.answeringEnds() } }
            let result: Result<Document, JSONRPCError>
            do throws(JSONRPCError) {
                if let answer {
                    result = .success(try await answer(method, params))
                } else {
                    result = .success(try await handler.request(method, params))
                }
            } catch {
                result = .failure(error)
            }
            let isWanted = state.withLock { $0.serverRequests.removeValue(forKey: id) != nil }
            if isWanted { sendLater(.response(id: id, result)) }
        }
        if !isStarted { for request in waiting { request.answeringEnds() } }
    }

    private func cancelServerRequest(_ id: JSONRPCID) {
        state.withLock { $0.serverRequests.removeValue(forKey: id) }?.cancel()
    }

    // MARK: End

    var endReason: String? { state.withLock { $0.endReason } }

    /// Notes that the session is over, and fails what waits.
    ///
    /// - Returns: whether it was not over before.
    @discardableResult
    func ended(_ reason: String, _ error: MCPClientError? = nil) -> Bool {
        let ended = state.withLock { state -> (requests: [ClientRequest], waiting: [Outcome<String?>])? in
            guard state.endReason == nil else { return nil }
            state.endReason = reason
            defer { state.waiting = [] }
            return (Array(state.requests.values), state.waiting)
        }
        guard let ended else { return false }
        for request in ended.requests { request.give(.failure(error ?? .transport(reason))) }
        for outcome in ended.waiting { outcome.give(reason) }
        return true
    }

    func waitForEnd() async -> String? {
        let outcome = Outcome<String?>()
        let reason = state.withLock { state in
            if state.endReason == nil { state.waiting.append(outcome) }
            return state.endReason
        }
        if let reason { return reason }
        defer { state.withLock { $0.waiting.removeAll { $0 === outcome } } }
        return await outcome.wait(orWhenCancelled: nil)
    }

    func close(_ reason: String) async {
        ended(reason)
        let link = state.withLock { $0.link.take() }
        await link?.close()
        await tasks.end()
    }
}

/// Says whether reading is to stop; kept until somebody listens.
final class PauseSignal: Sendable {
    private let listener = Mutex<(@Sendable (Bool) -> Void)?>(nil)

    func send(_ isPaused: Bool) {
        listener.withLock { $0 }?(isPaused)
    }

    func listen(_ action: (@Sendable (Bool) -> Void)?) {
        listener.withLock { $0 = action }
    }
}
