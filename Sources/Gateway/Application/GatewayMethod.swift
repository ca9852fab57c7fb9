// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol

/// The methods that the gateway acts on, beside those of the cores.
enum GatewayMethod {
    static let callTool = "tools/call"
    static let getPrompt = "prompts/get"
    static let readResource = "resources/read"
    static let subscribe = "resources/subscribe"
    static let unsubscribe = "resources/unsubscribe"
    static let complete = "completion/complete"
    static let setLevel = "logging/setLevel"

    static let discover = MCPMethod.discover
    static let listen = "subscriptions/listen"

    static let resourceUpdated = "notifications/resources/updated"
    static let message = "notifications/message"
    static let elicitationComplete = "notifications/elicitation/complete"
    static let rootsChanged = "notifications/roots/list_changed"

    static let sample = "sampling/createMessage"
    static let elicit = "elicitation/create"
    static let listRoots = "roots/list"
}
