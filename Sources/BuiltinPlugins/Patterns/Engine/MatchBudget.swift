// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How much work searches may still do, together.
///
/// It counts the CPU time of the thread, so that a busy machine does not turn a good search into an error; and it
/// reads that clock only when a search does more than the usual.
package struct MatchBudget: Sendable {
    /// What one hook call may spend on the user's patterns: far below the second after which a server counts as stalled.
    package static let perCall: Duration = .milliseconds(250)

    /// What one hook call may spend on the patterns of built-in rules, whose cost grows with the text alone.
    package static let perBuiltinCall: Duration = .milliseconds(100)

    /// The largest text that replacing may make, in bytes: the largest message of any transport.
    package static let outputLimit = 16 << 20

    let limit: Duration
    private var left: Int64
    private var searches = 0

    /// - Parameter time: CPU time for all searches that share the budget.
    package init(_ time: Duration = MatchBudget.perCall) {
        limit = time
        left = time.components.seconds * 1_000_000_000 + time.components.attoseconds / 1_000_000_000
    }

    /// Whether this search is one of those that are timed whole, to catch many costly ones.
    mutating func isSampled() -> Bool {
        searches &+= 1
        return searches % Self.sampling == 0
    }

    /// Every so many searches one is timed, and stands for all of them.
    static let sampling = 16

    /// Takes off a cost, `times` over; false when nothing is left.
    mutating func spend(nanoseconds: UInt64, times: Int) -> Bool {
        left -= Int64(clamping: nanoseconds) * Int64(times)
        return left > 0
    }

    /// Whether less than this is left.
    func isShortOf(nanoseconds: UInt64) -> Bool { left < Int64(clamping: nanoseconds) }

    /// The CPU time of this thread in nanoseconds.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
