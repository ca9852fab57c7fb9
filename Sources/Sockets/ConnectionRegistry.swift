// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The connections of a server that are not yet over, so that its end can wait for theirs.
package final class ConnectionRegistry<Connection: AnyObject & Sendable>: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        /// No new connections; those there are told to end.
        var isDraining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// The most connections at a time.
    package let limit: Int

    private let state = Mutex(State())

    /// Makes a registry of at most `limit` connections.
    package init(limit: Int) {
        self.limit = limit
    }

    /// How many connections there are.
    package var count: Int { state.withLock { $0.connections.count } }

    /// The connections there are.
    package var connections: [Connection] { state.withLock { Array($0.connections.values) } }

    /// Enters a new connection; false when there are too many, or the server is ending.
    package func admit(_ connection: Connection) -> Bool {
        state.withLock { state in
            guard !state.isDraining, state.connections.count < limit else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    /// A connection is closed and all its work has ended.
    package func ended(_ connection: Connection) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.connections[ObjectIdentifier(connection)] = nil
            guard state.connections.isEmpty else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets no new connection in, and returns those there are.
    package func startDraining() -> [Connection] {
        state.withLock { state in
            state.isDraining = true
            return Array(state.connections.values)
        }
    }

    /// Returns when no connection is left, or when `stopWaiting` is called.
    package func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.connections.isEmpty { return true }
                state.waiters.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// Lets those who wait go on although connections are left.
    package func stopWaiting() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
