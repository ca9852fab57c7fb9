// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Calls that wait for room on a connection, in order.
///
/// A call that ends while it waits stays in its place, empty-handed, until the queue comes by or has more of such than of others.
struct WaitingCalls {
    private var queue = CircularBuffer<ClientCall>()
    /// Those that have not ended.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// When the first of the deadlines passes.
    var earliestDeadline: NIODeadline? {
        queue.lazy.filter(\.isWaiting).map(\.deadline).min()
    }

    mutating func add(_ call: ClientCall, first: Bool) {
        call.isWaiting = true
        count += 1
        if first { queue.prepend(call) } else { queue.append(call) }
    }

    /// The first calls, at most this many.
    mutating func take(_ number: Int) -> [ClientCall] {
        var taken: [ClientCall] = []
        while taken.count < number, let call = queue.popFirst() {
            guard call.isWaiting else { continue }
            call.isWaiting = false
            count -= 1
            taken.append(call)
        }
        return taken
    }

    mutating func takeAll() -> [ClientCall] { take(.max) }

    mutating func takeExpired(_ now: NIODeadline) -> [ClientCall] {
        var expired: [ClientCall] = []
        for call in queue where call.isWaiting && call.deadline <= now {
            call.isWaiting = false
            count -= 1
            expired.append(call)
        }
        if !expired.isEmpty { tidy() }
        return expired
    }

    /// A call has ended by itself.
    mutating func forget(_ call: ClientCall) {
        guard call.isWaiting else { return }
        call.isWaiting = false
        count -= 1
        if queue.count > 2 * count + 64 { tidy() }
    }

    private mutating func tidy() {
        queue = CircularBuffer(queue.lazy.filter(\.isWaiting))
    }
}
