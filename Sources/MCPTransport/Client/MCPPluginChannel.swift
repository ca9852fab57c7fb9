// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import Synchronization
import Values
import Watching

/// A session with a plugin server over MCP, begun anew whenever it is over: shared by all plugins that run there.
final class MCPPluginChannel: Sendable {
    /// What a channel is made of.
    struct Configuration: Sendable {
        var transport: MCPClientTransportSettings
        /// The server as operators write it.
        var target: String
        /// How often beginning a session is tried at the pace of `reconnectDelay`; then more slowly.
        var reconnectAttempts: Int
        /// How long to wait before the first of those attempts; it doubles each time.
        var reconnectDelay: Duration
        /// What the server is told of us.
        var clientInfo: ValueObject
    }

    fileprivate struct State {
        var status = MCPChannelStatus()
        var session: MCPSessionHolder?
        var supervisor: Task<Void, Never>?
        var watchers = Watchers<MCPChannelStatus>()
    }

    /// The pace of attempts when the configured ones have failed.
    private static let slowPace = Duration.seconds(5)
    /// How long a session has to last for the pace to begin anew.
    private static let soundAge = Duration.seconds(10)

    let configuration: Configuration
    private let httpClient: HTTPClient
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let state = Mutex(State())

    init(
        _ configuration: Configuration, httpClient: HTTPClient, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.httpClient = httpClient
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
    }

    deinit {
        state.withLock { $0.supervisor?.cancel() }
    }

    var target: String { configuration.target }

    /// Whether the server is a child process of ours.
    var isProcess: Bool { if case .stdio = configuration.transport { true } else { false } }

    var status: MCPChannelStatus { state.withLock { $0.status } }

    /// How the channel is, now and whenever that changes; ends when the channel is shut down.
    func statusUpdates() -> AsyncStream<MCPChannelStatus> {
        state.withLock { $0.watchers.add($0.status) }
    }

    // MARK: Life

    /// Begins to keep a session; works once.
    func connect() {
        state.withLock { state in
            guard state.status.connectivity == .idle else { return }
            state.status.connectivity = .connecting
            // Ends with `shutDown`, or with this channel.
            state.supervisor = Task { [weak self] in
                var pace = Pace()
                while !Task.isCancelled {
                    guard let self else { return }
                    let wait = await self.keepSession(&pace)
                    if let wait { try? await Task.sleep(for: wait) }
                }
            }
        }
    }

    private struct Pace {
        var failures = 0
    }

    /// Begins a session and returns when it is to be begun anew, with how long to wait before.
    private func keepSession(_ pace: inout Pace) async -> Duration? {
        let session: MCPSessionHolder
        do throws(MCPClientError) {
            session = MCPSessionHolder(client: try await begin(), generation: status.generation + 1)
        } catch {
            pace.failures += 1
            await failed("\(error)")
            return wait(pace)
        }
        let begun = ContinuousClock.now
        let old = state.withLock { state -> MCPSessionHolder? in
            guard state.status.connectivity != .shutDown else { return session }
            defer { state.session = session }
            state.publish(MCPChannelStatus(connectivity: .ready, generation: session.generation))
            return state.session
        }
        await old?.retire(now: old === session)
        let reason = await session.waitForTrouble()
        if ContinuousClock.now - begun > Self.soundAge { pace.failures = 0 }
        guard let reason, !Task.isCancelled else { return nil }
        // An HTTP server that has forgotten the session, or a process that has ended: the next one is begun at once, unless
        // they end one after the other.
        logger.info(
            "the MCP session with a plugin server is over; beginning another",
            metadata: ["target": "\(target)", "reason": "\(reason)"])
        state.withLock { state in
            if state.session === session { state.session = nil }
        }
        await session.retire()
        defer { pace.failures += 1 }
        return pace.failures == 0 ? nil : wait(pace)
    }

    private func wait(_ pace: Pace) -> Duration {
        guard pace.failures <= max(1, configuration.reconnectAttempts) else { return Self.slowPace }
        return min(configuration.reconnectDelay * (1 << min(pace.failures - 1, 10)), Self.slowPace)
    }

    private func begin() async throws(MCPClientError) -> MCPClient {
        var limits = MCPClientLimits()
        limits.connectTimeout = .seconds(10)
        return try await MCPClient.connect(
            configuration.transport, info: configuration.clientInfo, limits: limits, httpClient: httpClient,
            eventLoop: eventLoopGroup.next(), logger: logger)
    }

    /// There is no session, and none can be begun.
    private func failed(_ reason: String) async {
        let old = state.withLock { state -> MCPSessionHolder? in
            guard state.status.connectivity != .shutDown else { return nil }
            state.publish(
                MCPChannelStatus(connectivity: .failed, generation: state.status.generation, failure: reason))
            return state.session.take()
        }
        await old?.retire()
    }

    /// Ends the session, and begins none any more.
    func shutDown() async {
        let (supervisor, session) = state.withLock { state in
            state.publish(MCPChannelStatus(connectivity: .shutDown, generation: state.status.generation))
            state.watchers.finish()
            return (state.supervisor.take(), state.session.take())
        }
        supervisor?.cancel()
        await session?.retire(now: true)
        await supervisor?.value
    }

    // MARK: Calls

    /// Calls a tool.
    ///
    /// A call that the server has refused because it no longer knows the session is made once more over the next one: it was
    /// not begun.
    func callTool(_ parameters: Document, timeout: Duration) async throws(MCPClientError) -> Document {
        let deadline = ContinuousClock.now + timeout
        guard let session = state.withLock({ $0.session }) else { throw notConnected }
        do throws(MCPClientError) {
            return try await callTool(parameters, over: session, timeout)
        } catch {
            guard case .sessionLost = error else { throw error }
        }
        guard let next = await nextSession(after: session.generation, until: deadline) else { throw notConnected }
        return try await callTool(parameters, over: next, deadline - .now)
    }

    private func callTool(
        _ parameters: Document, over session: MCPSessionHolder, _ timeout: Duration
    ) async throws(MCPClientError) -> Document {
        do throws(MCPClientError) {
            return try await session.call { client throws(MCPClientError) in
                try await client.request("tools/call", parameters, options: MCPRequestOptions(timeout: timeout))
            }
        } catch {
            if case .transport = error { session.complain() }
            throw error
        }
    }

    private var notConnected: MCPClientError {
        .transport(status.failure ?? "there is no session with \(target); one is being begun")
    }

    /// The session that follows another; nil when none can be begun in time.
    private func nextSession(
        after generation: UInt64, until deadline: ContinuousClock.Instant
    ) async -> MCPSessionHolder? {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await Task.sleep(until: deadline) }
            tasks.addTask { [updates = statusUpdates()] in
                for await status in updates where status.generation > generation || status.connectivity == .failed {
                    break
                }
            }
            await tasks.next()
            tasks.cancelAll()
        }
        return state.withLock { state in
            guard let session = state.session, session.generation > generation else { return nil }
            return session
        }
    }
}

extension MCPPluginChannel.State {
    fileprivate mutating func publish(_ status: MCPChannelStatus) {
        guard status != self.status else { return }
        self.status = status
        watchers.tell(status)
    }
}
