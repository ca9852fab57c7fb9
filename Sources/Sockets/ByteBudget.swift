// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The number of bytes a process may hold in buffered messages, shared by all its transports.
///
/// A transport reserves bytes as they arrive and before it queues an answer, and releases them when the call is over. A
/// reservation that would go beyond the limit is refused; the transport then refuses the call, so that memory stays
/// bounded however many peers send at once.
package final class ByteBudget: Sendable {
    /// 256 MiB, the limit when none is configured.
    package static let defaultLimit = 256 << 20

    /// The most bytes that may be reserved at a time.
    package let limit: Int

    private let used = Atomic<Int>(0)

    /// Makes a budget of `limit` bytes; a negative limit counts as 0.
    package init(limit: Int = ByteBudget.defaultLimit) {
        self.limit = max(0, limit)
    }

    /// The bytes reserved now.
    package var reserved: Int { used.load(ordering: .relaxed) }

    /// Reserves `bytes`, or nothing at all when that would pass the limit.
    ///
    /// Optimistic: adds first and takes back on failure, so that the common case is a single atomic addition. Two
    /// reservations that race at the very limit may both be refused; none is ever granted beyond it.
    package func reserve(_ bytes: Int) -> Bool {
        guard bytes > 0 else { return true }
        guard bytes <= limit else { return false }
        let now = used.wrappingAdd(bytes, ordering: .relaxed).newValue
        guard now <= limit else {
            used.wrappingSubtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Gives back bytes reserved before.
    package func release(_ bytes: Int) {
        guard bytes > 0 else { return }
        let now = used.wrappingSubtract(bytes, ordering: .relaxed).newValue
        assert(now >= 0, "released more bytes than were reserved")
    }
}
