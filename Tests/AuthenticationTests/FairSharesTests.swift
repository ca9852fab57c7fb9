// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Authentication

@Suite("Fair shares")
struct FairSharesTests {
    private let alice = Principal(method: .jwt, subject: "alice", issuer: "i").identity
    private let bob = Principal(method: .jwt, subject: "bob", issuer: "i").identity

    private func shares(calls: Int = 2, sessions: Int = 2, bytes: Int = 100) -> FairShares {
        var limits = FairShareLimits()
        (limits.calls, limits.sessions, limits.bytes) = (calls, sessions, bytes)
        return FairShares(limits)
    }

    private func excess(_ shares: FairShares, _ kind: FairShares.Kind, _ identity: PrincipalIdentity) -> String? {
        do throws(FairShares.Excess) {
            try shares.take(kind, for: identity)
            return nil
        } catch {
            return error.limit
        }
    }

    @Test("One who has all that one may have does not take from others, and gets more when something is given back")
    func limits() {
        let shares = shares()
        #expect(excess(shares, .call(bytes: 1), alice) == nil && excess(shares, .call(bytes: 1), alice) == nil)
        #expect(excess(shares, .call(bytes: 1), alice) == "calls")
        #expect(excess(shares, .call(bytes: 1), bob) == nil)
        shares.release(.call(bytes: 1), of: alice)
        #expect(excess(shares, .call(bytes: 1), alice) == nil)
        #expect(excess(shares, .session, alice) == nil && excess(shares, .session, alice) == nil)
        #expect(excess(shares, .session, alice) == "sessions" && excess(shares, .session, bob) == nil)
    }

    @Test("Bytes are counted over calls, and a lone call may have any size")
    func bytes() {
        let shares = shares(calls: 10)
        #expect(excess(shares, .call(bytes: 1_000), alice) == nil)
        #expect(excess(shares, .call(bytes: 0), alice) == "bytes", "a lone large call is the only one")
        shares.release(.call(bytes: 1_000), of: alice)
        #expect(excess(shares, .call(bytes: 60), alice) == nil && excess(shares, .call(bytes: 41), alice) == "bytes")
        #expect(excess(shares, .call(bytes: 40), alice) == nil)
    }

    @Test("What was refused was not taken, and who has nothing is forgotten")
    func forgets() {
        let shares = shares(calls: 1)
        #expect(excess(shares, .call(bytes: 5), alice) == nil && excess(shares, .call(bytes: 5), alice) == "calls")
        #expect(shares.use(of: alice).bytes == 5 && shares.principals == 1)
        shares.release(.call(bytes: 5), of: alice)
        #expect(shares.use(of: alice) == FairShares.Use() && shares.principals == 0)
    }

    @Test("Taking and giving back from many threads at once counts right")
    func concurrency() async {
        let shares = shares(calls: 8, bytes: 1_000)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<500 {
                        #expect(throws: Never.self) { try shares.take(.call(bytes: 1), for: alice) }
                        shares.release(.call(bytes: 1), of: alice)
                    }
                }
            }
        }
        #expect(shares.principals == 0)
    }
}
