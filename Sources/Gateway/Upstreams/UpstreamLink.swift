// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
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
        state.withLock { state in
            switch state.state {
            case .open(let client) where client.endReason == nil: return .success(.ready(client))
            case .open(let dead):
                // Its place among the sessions is taken over.
                let opening = Opening()
                let task = Task {
                    await dead.close()
                    await self.open(opening)
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
                let task = Task { await self.open(opening) }
                state.state = .opening(opening, task)
                return .success(.waiting(opening))
            }
        }
    }

    private func open(_ opening: Opening) async {
        do throws(MCPClientError) {
            let client = try await upstream.connect(handler: handler, capabilities: capabilities)
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
    func lost(_ client: MCPClient) async {
        let isCurrent = state.withLock { state in
            guard case .open(let current) = state.state, current === client else { return false }
            state.state = .closed
            return true
        }
        guard isCurrent else { return }
        await client.close()
        upstream.hasClosed()
    }

    /// Ends the session, and begins no more.
    func end() async {
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
