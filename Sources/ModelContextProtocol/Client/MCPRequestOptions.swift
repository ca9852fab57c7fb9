// SPDX-License-Identifier: Apache-2.0

package import Values

/// How long a request may take, and who hears of its progress.
package struct MCPRequestOptions: Sendable {
    /// How long the server may be silent.
    ///
    /// Default 60 s.
    package var timeout: Duration = .seconds(60)

    /// How long a request may take in all when progress notifications set the clock back; nil when they do not.
    ///
    /// Default nil.
    package var progressTimeout: Duration?

    /// Takes the notifications that belong to this request (progress, log messages), in order and before its answer.
    ///
    /// Over stdio those are the progress notifications whose token the request carries; all others go to the client's handler.
    /// Called on the thread that reads from the server: it must not block.
    package var onNotification: (@Sendable (_ method: String, _ params: Document?) -> Void)?

    /// Answers requests that the server sends while it works on this one (HTTP only: over stdio nothing tells whose they
    /// are, and they go to the client's handler); nil gives them to the client's handler.
    package var onRequest: (@Sendable (_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document)?

    /// HTTP headers of this request beside those of the session; nothing over stdio.
    ///
    /// Default none.
    package var headers: [(name: String, value: String)] = []

    /// The defaults.
    package init(timeout: Duration = .seconds(60)) {
        self.timeout = timeout
    }
}
