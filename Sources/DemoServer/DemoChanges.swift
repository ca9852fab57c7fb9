// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization
import Values

/// What changes for all clients that have no session, and who of them wants to hear of it.
final class DemoChanges: Sendable {
    private struct State {
        var showsExtraTool = false
        var subscriptions: [ObjectIdentifier: MCPSubscription] = [:]
    }

    private let state = Mutex(State())

    /// Whether the tool that `announce` shows is listed.
    var showsExtraTool: Bool { state.withLock { $0.showsExtraTool } }

    func add(_ subscription: MCPSubscription) {
        state.withLock { $0.subscriptions[ObjectIdentifier(subscription)] = subscription }
    }

    func remove(_ subscription: MCPSubscription) {
        state.withLock { _ = $0.subscriptions.removeValue(forKey: ObjectIdentifier(subscription)) }
    }

    /// Shows a tool more, or less.
    func announce() -> Document {
        let isShown = state.withLock { state in
            state.showsExtraTool.toggle()
            return state.showsExtraTool
        }
        tell(MCPMethod.toolsChanged, nil)
        return DemoContent.result([DemoContent.text(isShown ? "extra is listed now" : "extra is listed no more")])
    }

    /// Says that a resource has changed.
    func touch(_ uri: String) -> Document {
        let told = tell(MCPMethod.resourceUpdated, Document(object: ["uri": .string(uri)]))
        return DemoContent.result([DemoContent.text(told > 0 ? "told" : "not subscribed")])
    }

    @discardableResult
    private func tell(_ method: String, _ params: Document?) -> Int {
        let subscriptions = state.withLock { Array($0.subscriptions.values) }
        return subscriptions.count { $0.notify(method, params) }
    }
}
