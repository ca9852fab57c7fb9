// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import NIOCore
import NIOPosix
import PluginFramework
import Synchronization
import Values

/// One session with an upstream: begun when somebody needs it, once for all who wait for it, and again after it was lost.
final class UpstreamLink: Sendable {
    typealias Opening = SharedResult<MCPClient, UpstreamError>

    private enum State {
        /// Nobody needed it yet, or it was lost.
        case closed
        /// It could not be begun, and is not tried again before this time.
        case resting(until: ContinuousClock.Instant, UpstreamError)
        case opening(Opening, Task<Void, Never>)
        case open(MCPClient)
        /// Whoever it was for is gone.
        case ended
    }

    private let upstream: Upstream
    private let handler: any MCPClientHandler
    /// What the client behind this session can do for the upstream.
    private let capabilities: ValueObject
    /// Brings a new session to where the one before it was: subscriptions, the level of logs.
    private let onOpen: @Sendable (MCPClient) async -> Void
    private let state = Mutex<(state: State, backoff: Backoff)>((.closed, Backoff()))
    private let calls = Atomic<Int>(0)
    /// Looks whether a program still answers.
    private let check = Mutex<Task<Void, Never>?>(nil)

    init(
        _ upstream: Upstream, handler: any MCPClientHandler, capabilities: ValueObject = [:],
        onOpen: @escaping @Sendable (MCPClient) async -> Void = { _ in }
    ) {
        self.upstream = upstream
        self.handler = handler
        self.capabilities = capabilities
        self.onOpen = onOpen
    }

    /// Whether a call is under way on the session: an upstream that does one thing at a time may then be silent for long.
    var isBusy: Bool { calls.load(ordering: .relaxed) > 0 }

    /// Notes that a call begins.
    func begin() { calls.wrappingAdd(1, ordering: .relaxed) }

    /// Notes that a call has ended.
    func finish() { calls.wrappingSubtract(1, ordering: .relaxed) }

    /// The session, if it is there.
    var current: MCPClient? {
        state.withLock { state in
            guard case .open(let client) = state.state else { return nil }
            return client
        }
    }

    /// The session; waits until it has begun.
    ///
    /// - Throws: ``UpstreamError``; at once while the upstream is known to be down.
    func client() async throws(UpstreamError) -> MCPClient {
        let shared: Opening
        switch opening() {
        case .success(.ready(let client)): return client
        case .success(.waiting(let opening)): shared = opening
        case .failure(let error): throw error
        }
        guard let result = await shared.wait() else { throw UpstreamError(.cancelled, "the call was cancelled") }
        return try result.get()
    }

    private enum Begun {
        case ready(MCPClient)
        case waiting(Opening)
    }

    private func opening() -> Result<Begun, UpstreamError> {
        // A program's output is read where its first caller is: one client's calls mostly come in on one event loop.
        let home = MultiThreadedEventLoopGroup.currentEventLoop
        return state.withLock { state in
            switch state.state {
            case .open(let client) where client.endReason == nil: return .success(.ready(client))
            case .open(let dead):
                // Its place among the sessions is taken over.
                let opening = Opening()
                let task = Task {
                    await dead.close()
                    await self.open(opening, home)
                }
                state.state = .opening(opening, task)
                return .success(.waiting(opening))
            case .opening(let opening, _): return .success(.waiting(opening))
            case .resting(let time, let error) where time > .now: return .failure(error)
            case .ended: return .failure(UpstreamError(.unavailable, "the session that this call belongs to is over"))
            case .closed, .resting:
                guard upstream.mayOpen() else {
                    return .failure(
                        UpstreamError(
                            .unavailable,
                            "MCP server '\(upstream.name)' has as many sessions as limits.max_upstream_sessions allows; "
                                + "end some, raise the limit, or set sessions: shared"))
                }
                let opening = Opening()
                // Owned by this link: `end` cancels it.
                let task = Task { await self.open(opening, home) }
                state.state = .opening(opening, task)
                return .success(.waiting(opening))
            }
        }
    }

    private func open(_ opening: Opening, _ home: (any EventLoop)?) async {
        do throws(MCPClientError) {
            let client = try await upstream.connect(handler: handler, capabilities: capabilities, home: home)
            await onOpen(client)
            let isWanted = state.withLock { state in
                guard case .opening(let current, _) = state.state, current === opening else { return false }
                state.state = .open(client)
                state.backoff.reset()
                return true
            }
            guard isWanted else {
                await client.close()
                upstream.hasClosed()
                opening.give(.failure(UpstreamError(.cancelled, "the session that this call belongs to is over")))
                return
            }
            opening.give(.success(client))
        } catch {
            upstream.hasClosed()
            let failure = UpstreamError(error, upstream: upstream.name)
            state.withLock { state in
                guard case .opening(let current, _) = state.state, current === opening else { return }
                // The supervisor, which waits longer, is to find the way free.
                state.state = .resting(until: .now + state.backoff.next() / 2, failure)
            }
            opening.give(.failure(failure))
        }
    }

    /// Notes that a session is of no use any more; the next call begins another.
    ///
    /// - Parameter reason: What those are told who still wait for it.
    func lost(_ client: MCPClient, because reason: String = "the session was closed") async {
        let isCurrent = state.withLock { state in
            guard case .open(let current) = state.state, current === client else { return false }
            state.state = .closed
            return true
        }
        guard isCurrent else { return }
        await client.close(because: reason)
        upstream.hasClosed()
    }

    /// Notes that a call was not answered in time, and that nothing else came meanwhile.
    ///
    /// A program that does not answer a ping either is frozen: it is ended, and the next call starts it again. Without that, each
    /// call would cost its time limit. It has as long for the ping as for a call, 10 s at most.
    func doubt(_ client: MCPClient) {
        guard case .command = upstream.settings.target else { return }
        check.withLock { check in
            guard check == nil else { return }
            // Owned by this link: `end` cancels it. It cannot be forgotten before it is noted: forgetting waits for this lock.
            check = Task {
                await self.ping(client)
                self.check.withLock { $0 = nil }
            }
        }
    }

    private func ping(_ client: MCPClient) async {
        let arrivals = client.arrivals
        do throws(MCPClientError) {
            let limit = min(.seconds(10), upstream.settings.timeout)
            let question = client.isModern ? MCPMethod.discover : MCPMethod.ping
            _ = try await client.request(question, nil, options: MCPRequestOptions(timeout: limit))
        } catch {
            guard case .timeout = error, client.arrivals == arrivals else { return }
            upstream.logger.error(
                "MCP server is frozen: it answers neither calls nor a ping; it is ended, and starts again with the next call",
                metadata: ["server": "\(upstream.name)"])
            await lost(client, because: "it was frozen, answered neither calls nor a ping, and is started again")
        }
    }

    /// Ends the session, and begins no more.
    func end() async {
        check.withLock { $0 }?.cancel()
        let last = state.withLock { state in
            defer { state.state = .ended }
            return state.state
        }
        switch last {
        case .open(let client):
            await client.close()
            upstream.hasClosed()
        case .opening(_, let task):
            task.cancel()
            await task.value
        case .closed, .resting, .ended:
            break
        }
    }
}
