// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginWire

/// One request of a connection whose answer is not there yet.
///
/// `@unchecked Sendable`: every variable is read and written on the connection's event loop only; the task of the call carries a
/// reference just to hand it back there.
final class SocketServerCall: @unchecked Sendable {
    /// Its number among the calls of a multiplexed connection; 0 on one that carries one call at a time.
    let id: UInt32
    /// What its peer understands beyond the contract.
    let features: WireFeatures
    /// Whether its answer is a frame with a tag.
    let isTagged: Bool
    /// Bytes taken from the budget for it.
    let reserved: Int

    /// Its task runs, or is about to.
    var isRunning = false
    var task: Task<Void, Never>?
    /// Nobody waits for its answer any more.
    var isCancelled = false

    init(id: UInt32, features: WireFeatures, isTagged: Bool, reserved: Int) {
        self.id = id
        self.features = features
        self.isTagged = isTagged
        self.reserved = reserved
    }

    /// Cancels the work, and has its answer dropped.
    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}
