// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
package import Values

/// A client's stream of notifications (MCP 2026-07-28, `subscriptions/listen`).
///
/// All its messages carry the id of the request that opened it; what the application sends is dropped unless the client has asked
/// for it and the acknowledgement has granted it.
package final class MCPSubscription: Sendable {
    /// What the client asks for.
    package let requested: MCPSubscriptionFilter

    private struct State {
        var honoured: MCPSubscriptionFilter?
        var isEnded = false
        var waiting: [Outcome<Void>] = []
    }

    private let id: JSONRPCID
    private let outlet: any CallOutlet
    private let state = Mutex(State())

    init(_ requested: MCPSubscriptionFilter, id: JSONRPCID, outlet: any CallOutlet) {
        self.requested = requested
        self.id = id
        self.outlet = outlet
    }

    /// What has been granted; nil before the acknowledgement.
    package var honoured: MCPSubscriptionFilter? { state.withLock { $0.honoured } }

    /// Whether nobody listens any more.
    package var isEnded: Bool { state.withLock { $0.isEnded } }

    /// Tells the client what it will hear of; the first message, sent once.
    ///
    /// - Parameter filter: what the application sends; what the client has not asked for is taken out of it.
    package func acknowledge(_ filter: MCPSubscriptionFilter) {
        let granted = filter.intersection(requested)
        state.withLock { state in
            guard state.honoured == nil, !state.isEnded else { return }
            state.honoured = granted
            // Within the lock, so that nothing can come before it.
            send(MCPMethod.acknowledged, Document(object: ["notifications": granted.value]))
        }
    }

    /// Sends a notification of a change, such as `notifications/tools/list_changed`, if the client is to hear of it.
    ///
    /// - Returns: whether it was sent.
    @discardableResult
    package func notify(_ method: String, _ params: Document? = nil) -> Bool {
        state.withLock { state in
            guard !state.isEnded, state.honoured?.admits(method, params) == true else { return false }
            // Within the lock, so that nothing comes after the end.
            return send(method, params ?? Document(object: [:]))
        }
    }

    @discardableResult
    private func send(_ method: String, _ params: Document) -> Bool {
        var meta = params.document("_meta") ?? Document(object: [:])
        if !meta.isObject { meta = Document(object: [:]) }
        let tagged = meta.setting(MCPMetaKey.subscriptionID, to: Document(id.value))
        return outlet.send(.notification(method: method, params: params.setting("_meta", to: tagged)))
    }

    /// Waits until the stream is to end: the client is gone, or the server is about to.
    package func waitForEnd() async {
        let outcome = Outcome<Void>()
        let isEnded = state.withLock { state in
            if !state.isEnded { state.waiting.append(outcome) }
            return state.isEnded
        }
        if !isEnded { await outcome.wait(orWhenCancelled: ()) }
    }

    /// Ends the stream: nothing is sent any more, and whoever waits goes on.
    func end() {
        let waiting = state.withLock { state in
            state.isEnded = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for outcome in waiting { outcome.give(()) }
    }
}
