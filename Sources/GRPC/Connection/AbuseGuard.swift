// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Tells a client that cancels often from one that floods.
///
/// Two accounts of credit, one for resets and one for control frames. Frames are charged, calls that complete and time
/// that passes give back. What an ordinary client does is far below what comes back; a flood empties its account.
struct AbuseGuard {
    private struct Account {
        let capacity: Int
        var credit: Int

        init(capacity: Int) {
            self.capacity = capacity
            credit = capacity
        }

        mutating func earn(_ amount: Int) { credit = min(capacity, credit + amount) }

        mutating func charge(_ amount: Int) -> Bool {
            credit -= amount
            return credit >= 0
        }
    }

    /// The reset of a half-sent request costs a hundred, because such streams cost the sender nothing; that of a whole
    /// request, an ordinary cancellation, costs one.
    private static let rapidReset = 100

    private var resets: Account
    private var controls: Account
    private var lastRefill: NIODeadline

    init(maxRapidResets: Int, maxControlFrames: Int, now: NIODeadline) {
        resets = Account(capacity: max(1, maxRapidResets) * Self.rapidReset)
        controls = Account(capacity: max(1, maxControlFrames))
        lastRefill = now
    }

    /// A call ran to its end.
    mutating func callCompleted() {
        resets.earn(Self.rapidReset)
        controls.earn(1)
    }

    /// A DATA frame arrived; busy clients measure the line with a PING for some of them.
    mutating func receivedData() {
        controls.earn(1)
    }

    /// A client ended a call; false when it has done so too often.
    mutating func callReset(requestWasWhole: Bool, now: NIODeadline) -> Bool {
        refill(now)
        return resets.charge(requestWasWhole ? 1 : Self.rapidReset)
    }

    /// A PING, SETTINGS or PRIORITY frame arrived; false when there were too many.
    mutating func controlFrame(now: NIODeadline) -> Bool {
        refill(now)
        return controls.charge(1)
    }

    private mutating func refill(_ now: NIODeadline) {
        // A tenth of each account a second, in steps that do not round down to nothing.
        let elapsed = (now - lastRefill).nanoseconds / 100_000_000
        guard elapsed > 0 else { return }
        lastRefill = lastRefill + .milliseconds(elapsed * 100)
        let steps = Int(min(elapsed, 1_000))
        resets.earn(resets.capacity / 100 * steps)
        controls.earn(max(1, controls.capacity / 100) * steps)
    }
}
