// SPDX-License-Identifier: Apache-2.0

internal import Values

/// The members of `_meta` that belong to the protocol (MCP 2026-07-28).
package enum MCPMetaKey {
    /// The revision that a request speaks.
    package static let protocolVersion = "io.modelcontextprotocol/protocolVersion"
    /// What the client can do for the server during a request.
    package static let clientCapabilities = "io.modelcontextprotocol/clientCapabilities"
    /// The client's name and version.
    package static let clientInfo = "io.modelcontextprotocol/clientInfo"
    /// From which level on the client wants log messages of a request.
    package static let logLevel = "io.modelcontextprotocol/logLevel"
    /// The server's name and version.
    package static let serverInfo = "io.modelcontextprotocol/serverInfo"
    /// The id of the request that opened the stream of notifications that a message belongs to.
    package static let subscriptionID = "io.modelcontextprotocol/subscriptionId"
}
