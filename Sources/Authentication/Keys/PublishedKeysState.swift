// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// When published keys are got, used, and no longer used; without clocks, tasks or network.
struct PublishedKeysState {
    /// What to do about a token.
    enum Step {
        /// Check it with this key.
        case use(VerificationKey)
        /// Get the keys, and ask again.
        case wait
        /// Refuse it.
        case refuse(AuthenticationRefusal)
    }

    private let times: PublishedKeysTimes
    private let name: String
    private(set) var keys: KeySet?
    /// When the keys were got that are there.
    private var gotAt: NIODeadline?
    /// When getting them was last begun.
    private var triedAt: NIODeadline?
    private(set) var failure: String?

    init(name: String, times: PublishedKeysTimes) {
        self.name = name
        self.times = times
    }

    /// What to do about a token.
    ///
    /// - Parameter hasWaited: Whether the keys were just got for its sake.
    func step(
        keyID: String?, algorithm: SigningAlgorithm, hasWaited: Bool, now: NIODeadline
    ) -> Step {
        guard let keys, let gotAt, now - gotAt < TimeAmount(times.maximumAge) else {
            return !hasWaited && mayTry(now) ? .wait : .refuse(unavailable)
        }
        switch keys.find(keyID: keyID, algorithm: algorithm) {
        case .key(let key): return .use(key)
        case .refused(let reason): return .refuse(SignedToken.fault(reason))
        case .unknown:
            // A new key, or an invented name: the first must be found soon, the second must not make us ask all the time.
            guard hasWaited || !mayTry(now) else { return .wait }
            return .refuse(SignedToken.fault("the token is signed with a key (kid) that its issuer does not publish"))
        }
    }

    /// Whether keys may be got now: at most once in each interval, whatever tokens come.
    func mayTry(_ now: NIODeadline) -> Bool {
        triedAt.map { now - $0 >= TimeAmount(times.minimumInterval) } ?? true
    }

    mutating func begin(_ now: NIODeadline) { triedAt = now }

    /// Takes keys; true when they differ from those that were there.
    mutating func succeed(_ keys: KeySet, _ now: NIODeadline) {
        self.keys = keys
        gotAt = now
        failure = nil
    }

    mutating func fail(_ reason: String) { failure = reason }

    private var unavailable: AuthenticationRefusal {
        AuthenticationRefusal(
            .unavailable, "the keys of the token's issuer cannot be had at the moment; try again later",
            detail: "\(name): \(failure ?? "its keys have not been fetched yet")")
    }
}

/// When published keys are got, and for how long they are used.
package struct PublishedKeysTimes: Sendable, Equatable {
    /// How often they are got again.
    ///
    /// 5 minutes by default.
    package var refreshInterval: Duration = .seconds(300)
    /// The least time between two attempts, though tokens name keys that are not known.
    ///
    /// 30 seconds by default.
    package var minimumInterval: Duration = .seconds(30)
    /// How long they are used when they cannot be got again.
    ///
    /// One hour by default; it is also how long a key that was withdrawn may live on while its publisher is down.
    package var maximumAge: Duration = .seconds(3_600)
    /// How long one attempt may take.
    ///
    /// 5 seconds by default.
    package var timeout: Duration = .seconds(5)

    /// The defaults.
    package init() {}
}
