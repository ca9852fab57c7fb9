// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization
internal import Values

/// The sessions of an HTTP endpoint by their ids.
final class SessionTable: Sendable {
    private struct State {
        var sessions: [ByteKey: MCPServerSession] = [:]
        /// Sessions whose `initialize` is being answered.
        var beginning = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// How many sessions there are.
    var count: Int { state.withLock { $0.sessions.count } }

    /// Reserves room for a session that begins; false when there is none.
    func reserve() -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.sessions.count + state.beginning < limit else { return false }
            state.beginning += 1
            return true
        }
    }

    /// Gives back what was reserved for a session that has not begun after all.
    func release() {
        state.withLock { $0.beginning -= 1 }
    }

    /// Adds a session for which there was room; false when the endpoint has been closed in the meantime.
    func add(_ session: MCPServerSession) -> Bool {
        state.withLock { state in
            state.beginning -= 1
            guard !state.isClosed else { return false }
            state.sessions[ByteKey(session.id)] = session
            return true
        }
    }

    /// The session with this id, if it belongs to this principal.
    func find(_ id: String, of principal: MCPPrincipal?) -> MCPServerSession? {
        guard let session = state.withLock({ $0.sessions[ByteKey(id)] }) else { return nil }
        switch (session.principal, principal) {
        case (nil, nil): return session
        case (let owner?, let caller?) where owner.identity.hasSameBytes(as: caller.identity): return session
        default: return nil
        }
    }

    func remove(_ session: MCPServerSession) {
        state.withLock { _ = $0.sessions.removeValue(forKey: ByteKey(session.id)) }
    }

    /// All of them.
    var all: [MCPServerSession] { state.withLock { Array($0.sessions.values) } }

    /// The sessions with which nothing has happened since some time.
    func idle(since time: NIODeadline) -> [MCPServerSession] {
        all.filter { $0.isIdle(since: time) }
    }

    /// Takes no more sessions.
    ///
    /// - Returns: those there are.
    func close() -> [MCPServerSession] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.sessions.values)
        }
    }

    /// An id that nobody can guess: 128 random bits of the system, as hexadecimal digits.
    static func newID() -> String {
        var random = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for _ in 0..<2 {
            var word = random.next()
            for _ in 0..<16 {
                text.append(digits[Int(word & 15)])
                word >>= 4
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
