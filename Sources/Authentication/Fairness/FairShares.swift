// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts what each principal has of the gateway, and refuses what goes beyond its share.
///
/// A principal that has nothing is forgotten, so that memory follows what is in use.
package final class FairShares: Sendable {
    /// Something that a principal can have too much of.
    package enum Kind: Sendable, Equatable {
        /// A call, with the bytes of its request.
        case call(bytes: Int)
        /// A session.
        case session
    }

    /// What a principal has.
    package struct Use: Sendable, Equatable {
        /// Calls in flight.
        package fileprivate(set) var calls = 0
        /// Sessions open.
        package fileprivate(set) var sessions = 0
        /// Bytes of calls in flight.
        package fileprivate(set) var bytes = 0
    }

    /// Which share is used up.
    package struct Excess: Error, Sendable, Equatable {
        /// The key of the limit in the configuration: `calls`, `sessions` or `bytes`.
        package let limit: String
        /// The limit.
        package let most: Int

        /// What is wrong and what to do.
        package var message: String {
            switch limit {
            case "sessions": "you have \(most) sessions open, which is all that one user may have; end one"
            case "bytes":
                "your calls in flight hold more than \(most) bytes, which is all that one user may have; try again later"
            default:
                "you have \(most) calls in flight, which is all that one user may have; try again when one is answered"
            }
        }
    }

    private let limits: FairShareLimits
    private let uses = Mutex<[PrincipalIdentity: Use]>([:])

    /// Makes shares of which nothing is used.
    package init(_ limits: FairShareLimits) { self.limits = limits }

    /// Takes something; it has to be given back with ``release(_:of:)``.
    ///
    /// - Throws: If the principal would have more than its share; nothing is taken then.
    package func take(_ kind: Kind, for identity: PrincipalIdentity) throws(Excess) {
        let excess: Excess? = uses.withLock { uses in
            let use = uses[identity, default: Use()]
            switch kind {
            case .call(let bytes):
                guard use.calls < limits.calls else { return Excess(limit: "calls", most: limits.calls) }
                // One call may have any size that a request may have: a lone large one is served.
                guard use.calls == 0 || bytes <= limits.bytes - use.bytes else {
                    return Excess(limit: "bytes", most: limits.bytes)
                }
            case .session:
                guard use.sessions < limits.sessions else { return Excess(limit: "sessions", most: limits.sessions) }
            }
            uses[identity, default: Use()].add(kind, 1)
            return nil
        }
        if let excess { throw excess }
    }

    /// Gives back what was taken, exactly once.
    package func release(_ kind: Kind, of identity: PrincipalIdentity) {
        uses.withLock { uses in
            guard var use = uses[identity] else {
                assertionFailure("more was given back than taken")
                return
            }
            use.add(kind, -1)
            assert(use.calls >= 0 && use.sessions >= 0 && use.bytes >= 0, "more was given back than taken")
            uses[identity] = use == Use() ? nil : use
        }
    }

    /// What a principal has.
    package func use(of identity: PrincipalIdentity) -> Use { uses.withLock { $0[identity] ?? Use() } }

    /// How many principals have anything.
    package var principals: Int { uses.withLock { $0.count } }
}

extension FairShares.Use {
    fileprivate mutating func add(_ kind: FairShares.Kind, _ sign: Int) {
        switch kind {
        case .call(let bytes):
            calls += sign
            self.bytes += sign * bytes
        case .session: sessions += sign
        }
    }
}
