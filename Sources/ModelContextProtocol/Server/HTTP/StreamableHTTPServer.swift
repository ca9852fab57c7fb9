// SPDX-License-Identifier: Apache-2.0

package import HTTP
package import Logging
package import NIOCore
internal import NIOHTTP1
internal import ServiceLifecycle
internal import Sockets
internal import Synchronization

/// One MCP endpoint over streamable HTTP: POST, GET and DELETE of one path, in front of one application.
///
/// `run()` ends idle sessions, and on graceful shutdown all sessions with their streams; it is to be listed after the HTTP
/// server, so that it is shut down before it. Whoever routes requests to several endpoints calls ``respond(to:on:)``.
package final class StreamableHTTPServer: HTTPResponder, Service {
    let application: any MCPServerApplication
    let settings: StreamableHTTPSettings
    let admission: (any MCPAdmission)?
    let logger: Logger
    let sessions: SessionTable
    let tasks = TaskOwner()
    let executors: EndpointExecutors
    /// How requests of revision 2026-07-28 are served; nil when they are not.
    let modern: ModernServing?
    let silentAnswers: SilentAnswers
    /// Whether there are sessions that begin with `initialize`.
    let speaksHandshake: Bool

    private let isDraining = Atomic<Bool>(false)
    /// POSTs that are being answered; streams that stay open have limits of their own.
    private let postsInFlight = Atomic<Int>(0)

    /// Makes an endpoint.
    ///
    /// - Parameters:
    ///   - admission: decides who may come in; nil lets everybody in.
    ///   - eventLoopGroup: that of the HTTP server.
    package init(
        application: any MCPServerApplication, settings: StreamableHTTPSettings = StreamableHTTPSettings(),
        admission: (any MCPAdmission)? = nil, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.application = application
        self.settings = settings
        self.admission = admission
        self.logger = logger
        sessions = SessionTable(limit: settings.limits.maxSessions)
        executors = EndpointExecutors(eventLoopGroup)
        modern = ModernServing(application, limits: settings.limits)
        silentAnswers = SilentAnswers(heartbeat: settings.limits.heartbeat)
        speaksHandshake = application.eras.contains(.handshake)
    }

    /// How many sessions there are.
    package var sessionCount: Int { sessions.count }

    /// How many requests are being answered, streams among them.
    package var openRequests: Int { tasks.count }

    /// Whether new sessions are refused because the endpoint is to end.
    var refusesSessions: Bool { isDraining.load(ordering: .relaxed) }

    package func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        let facts = RequestFacts.of(request, to: self)
        if let refusal = facts.refusal {
            exchange.send(refusal.response)
            return
        }
        switch request.method {
        case .POST, .GET, .DELETE: break
        default:
            exchange.send(methodNotAllowed(request.method).response)
            return
        }
        let isPost = request.method == .POST
        if isPost {
            let inFlight = postsInFlight.wrappingAdd(1, ordering: .relaxed).newValue
            guard inFlight <= settings.limits.maxCalls else {
                postsInFlight.wrappingSubtract(1, ordering: .relaxed)
                exchange.send(Self.tooManyCalls.response)
                return
            }
        }
        let slot = TaskSlot()
        let started = tasks.start(on: executors.of(exchange.eventLoop), slot) {
            await self.serve(request, facts, exchange, slot)
            if isPost { self.postsInFlight.wrappingSubtract(1, ordering: .relaxed) }
        }
        guard !started else { return }
        if isPost { postsInFlight.wrappingSubtract(1, ordering: .relaxed) }
        exchange.send(Self.shutDown.response)
    }

    /// A POST stays open as a stream of notifications, which have a limit of their own.
    func beginListening() { postsInFlight.wrappingSubtract(1, ordering: .relaxed) }

    /// Such a stream has ended; its POST is counted no more right after.
    func endListening() { postsInFlight.wrappingAdd(1, ordering: .relaxed) }

    private static let tooManyCalls = HTTPRefusal(
        status: .serviceUnavailable,
        error: .internalError("as many requests are being answered as may be; try again later"),
        headers: ["retry-after": "1"])

    static let shutDown = HTTPRefusal(
        status: .serviceUnavailable, error: .internalError("the server is shutting down; try again later"),
        headers: ["retry-after": "5"])

    func methodNotAllowed(_ method: HTTPMethod) -> HTTPRefusal {
        let allowed = application.isStateless || !speaksHandshake ? "POST" : "GET, POST, DELETE"
        return HTTPRefusal(
            status: .methodNotAllowed, error: .invalidRequest("\(method.rawValue) is not served here; use \(allowed)"),
            headers: ["allow": allowed])
    }

    private func serve(
        _ request: HTTPServerRequest, _ facts: RequestFacts, _ exchange: HTTPExchange, _ slot: TaskSlot
    ) async {
        do throws(HTTPRefusal) {
            var principal: MCPPrincipal?
            if let admission {
                switch await admission.admit(request) {
                case .allow(let found): principal = found
                case .refuse(let response): return exchange.send(response)
                }
            }
            let context = MCPHTTPContext(request: request, principal: principal)
            switch request.method {
            case .POST: try await post(context, facts, exchange, slot)
            case _ where isModern(facts): throw modernMethodNotAllowed(request.method)
            case .GET: try await get(context, facts, exchange, slot)
            default: try delete(context, facts, exchange)
            }
        } catch {
            exchange.send(error.response)
        }
    }

    // MARK: Lifecycle

    /// Ends idle sessions until graceful shutdown, then shuts the endpoint down; cancelling its task skips the grace period.
    package func run() async throws {
        let limits = settings.limits
        let period = min(.seconds(30), limits.sessionIdleTimeout / 4, limits.replayTime / 10)
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do { try await Task.sleep(for: period) } catch { return }
                endIdleSessions()
                expireEvents()
            }
        }
        await shutDown(grace: Task.isCancelled ? .zero : settings.drainGrace)
    }

    func endIdleSessions() {
        let limit = NIODeadline.now() - TimeAmount(settings.limits.sessionIdleTimeout)
        for session in sessions.idle(since: limit) {
            logger.debug("ended an idle MCP session")
            session.end()
        }
    }

    /// Lets go of events that no client will ask for any more.
    package func expireEvents() {
        let limit = NIODeadline.now() - TimeAmount(settings.limits.replayTime)
        for session in sessions.all { session.streams?.expire(before: limit) }
    }

    /// Begins no session any more, ends streams, lets calls end for at most `grace`, ends all sessions, and waits for what runs.
    package func shutDown(grace: Duration) async {
        isDraining.store(true, ordering: .relaxed)
        let open = sessions.close()
        for session in open { session.endStreams() }
        modern?.subscriptions.close()
        await tasks.waitUntilEmpty(atMost: grace)
        for session in open { session.end() }
        // What the application does at the end of its sessions is not to be cut off at once.
        await tasks.waitUntilEmpty(atMost: .seconds(5))
        await tasks.end()
    }

    /// What is to be done when a session ends.
    func sessionEnded(_ session: MCPServerSession) {
        sessions.remove(session)
        let application = application
        tasks.start(on: executors.of(session.eventLoop)) { await application.sessionEnded(session) }
    }
}

/// The executors of an endpoint's event loops, found without a lock.
struct EndpointExecutors: Sendable {
    private let executors: [ObjectIdentifier: EventLoopTaskExecutor]

    init(_ group: any EventLoopGroup) {
        var executors: [ObjectIdentifier: EventLoopTaskExecutor] = [:]
        for loop in group.makeIterator() {
            executors[ObjectIdentifier(loop)] = EventLoopTaskExecutor.of(loop)
        }
        self.executors = executors
    }

    func of(_ loop: any EventLoop) -> EventLoopTaskExecutor {
        executors[ObjectIdentifier(loop)] ?? EventLoopTaskExecutor.of(loop)
    }
}
