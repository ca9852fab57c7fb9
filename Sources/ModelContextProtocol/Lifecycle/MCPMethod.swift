// SPDX-License-Identifier: Apache-2.0

/// The methods that the cores themselves know.
package enum MCPMethod {
    /// Begins a session.
    package static let initialize = "initialize"
    /// The client has taken the answer to `initialize`.
    package static let initialized = "notifications/initialized"
    /// Asks whether the other end is there.
    package static let ping = "ping"
    /// The sender no longer wants the answer to its request.
    package static let cancelled = "notifications/cancelled"
    /// How far a request has come.
    package static let progress = "notifications/progress"
    /// What clients of revision 2026-07-28 ask first; a server of the handshake revisions alone refuses it.
    package static let discover = "server/discover"
    /// Opens a stream of notifications (2026-07-28).
    package static let listen = "subscriptions/listen"
    /// What a server will send on a stream of notifications; its first message.
    package static let acknowledged = "notifications/subscriptions/acknowledged"
    /// Something for the client's log.
    package static let message = "notifications/message"
    /// The list of tools is other than before.
    package static let toolsChanged = "notifications/tools/list_changed"
    /// The list of prompts is other than before.
    package static let promptsChanged = "notifications/prompts/list_changed"
    /// The list of resources is other than before.
    package static let resourcesChanged = "notifications/resources/list_changed"
    /// A resource is other than before.
    package static let resourceUpdated = "notifications/resources/updated"
    /// Calls a tool.
    package static let callTool = "tools/call"
    /// Reads a prompt.
    package static let getPrompt = "prompts/get"
    /// Reads a resource.
    package static let readResource = "resources/read"
}
