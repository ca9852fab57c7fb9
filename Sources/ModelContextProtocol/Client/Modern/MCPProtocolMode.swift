// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// In which era a client speaks to its server.
package enum MCPProtocolMode: Sendable {
    /// `initialize`, and nothing else.
    case handshake
    /// Revision 2026-07-28, and nothing else.
    case modern
    /// Revision 2026-07-28 if the server speaks it, else `initialize`.
    ///
    /// `server/discover` is asked first. Any JSON-RPC error, an HTTP status from 400 to 501 (but 401, 403, 407, 408 and 429), and over stdio
    /// also silence and the end of the program mean that the server does not know it; not so -32022 with nothing but revisions without
    /// `initialize`. That a server cannot be reached, or answers with something that is not MCP, says nothing. What was found is kept in
    /// the memory, and tried first the next time.
    case auto(MCPEraMemory = MCPEraMemory())
}

/// What is remembered of a server from one session to the next: which era it speaks.
package final class MCPEraMemory: Sendable {
    private let found = Mutex<ProtocolEra?>(nil)

    /// Remembers nothing yet.
    package init() {}

    /// The era that the server spoke last; nil before it has answered.
    package var era: ProtocolEra? {
        get { found.withLock { $0 } }
        set { found.withLock { $0 = newValue } }
    }
}
