// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A call that a carrier has brought to a server.
///
/// `@unchecked Sendable`: every variable is read and written on the connection's event loop only; the task of the call carries a
/// reference just to hand it back there.
final class CarriedCall: @unchecked Sendable {
    let number: UInt32
    /// Bytes taken from the budget for it.
    let reserved: Int
    /// The handler is running, or about to.
    var isRunning = false
    /// It is answered, or nobody wants an answer any more.
    var isOver = false
    var task: Task<Void, Never>?
    var deadlineTimer: Scheduled<Void>?

    init(number: UInt32, reserved: Int) {
        self.number = number
        self.reserved = reserved
    }

    /// Has its answer dropped, and its work end.
    func abandon() {
        isOver = true
        deadlineTimer?.cancel()
        task?.cancel()
    }
}
