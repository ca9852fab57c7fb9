// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization

/// A session with a plugin server, and the calls that are being made over it.
///
/// A session that is given up is closed when the last of its calls has ended, so that one bad call does not end the others.
final class MCPSessionHolder: Sendable {
    fileprivate struct State {
        var calls = 0
        var isRetired = false
        var isClosed = false
    }

    let client: MCPClient
    /// Counts sessions.
    let generation: UInt64
    private let state = Mutex(State())
    /// Yields when a call finds that the server cannot be reached.
    let complaints: AsyncStream<Void>
    private let complaint: AsyncStream<Void>.Continuation

    init(client: MCPClient, generation: UInt64) {
        self.client = client
        self.generation = generation
        (complaints, complaint) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// A call could not reach the server: the session is to be looked at.
    func complain() { complaint.yield() }

    /// Why the session is over; nil when a call has only complained, or the waiting task was cancelled.
    func waitForTrouble() async -> String? {
        await withTaskGroup(of: String?.self) { [client, complaints] tasks in
            tasks.addTask { await client.waitForEnd() }
            tasks.addTask {
                for await _ in complaints { break }
                return nil
            }
            let first = await tasks.next() ?? nil
            tasks.cancelAll()
            return first
        }
    }

    /// Makes a call over the session.
    func call<Answer>(
        _ body: (MCPClient) async throws(MCPClientError) -> Answer
    ) async throws(MCPClientError) -> Answer {
        state.withLock { $0.calls += 1 }
        let result: Result<Answer, MCPClientError>
        do throws(MCPClientError) { result = .success(try await body(client)) } catch { result = .failure(error) }
        let closes = state.withLock { state in
            state.calls -= 1
            return state.claimClosing()
        }
        if closes { await client.close() }
        return try result.get()
    }

    /// Closes the session, at once or when the last of its calls has ended.
    func retire(now: Bool = false) async {
        let closes = state.withLock { state in
            state.isRetired = true
            if now { state.calls = 0 }
            return state.claimClosing()
        }
        if closes { await client.close() }
    }
}

extension MCPSessionHolder.State {
    /// Whether whoever asks is to close the session.
    fileprivate mutating func claimClosing() -> Bool {
        guard isRetired, calls <= 0, !isClosed else { return false }
        isClosed = true
        return true
    }
}
