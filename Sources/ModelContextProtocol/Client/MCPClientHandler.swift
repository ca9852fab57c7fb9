// SPDX-License-Identifier: Apache-2.0

package import Values

/// What a client does with what its server sends of its own accord.
package protocol MCPClientHandler: Sendable {
    /// Takes a notification that belongs to no request in flight; called one after the other, in the order received.
    func notification(_ method: String, _ params: Document?) async

    /// Answers a request of the server (sampling, elicitation, roots); `ping` is answered by the client core.
    func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document
}

extension MCPClientHandler {
    /// Nothing is to be done.
    package func notification(_ method: String, _ params: Document?) async {}

    /// No request is served.
    package func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
        throw .methodNotFound(method)
    }
}

/// A handler of servers that are asked only, and never listened to.
package struct IgnoringClientHandler: MCPClientHandler {
    /// Makes the handler.
    package init() {}
}
