// SPDX-License-Identifier: Apache-2.0

package import Values

/// What a client hears on a stream of notifications (MCP 2026-07-28, `subscriptions/listen`).
package enum MCPListenEvent: Sendable {
    /// The server has said what it will send; `isFirst` is false when the stream was lost and opened again, so that what has changed
    /// in between was not told.
    case acknowledged(MCPSubscriptionFilter, isFirst: Bool)
    /// A notification, as it came.
    case notification(_ method: String, _ params: Document?)
    /// The stream has ended, and will not be opened again: the server refuses it, the client was closed, or the listener was.
    case ended(MCPClientError?)
}

/// A client's stream of notifications, which is opened again whenever it is lost.
package final class MCPListener: Sendable {
    private let slot: TaskSlot

    init(slot: TaskSlot) {
        self.slot = slot
    }

    /// Ends the stream; the server is told.
    package func close() {
        slot.cancel()
    }
}
