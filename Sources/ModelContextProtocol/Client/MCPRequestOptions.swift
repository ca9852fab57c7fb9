// SPDX-License-Identifier: Apache-2.0

package import Values

/// How long a request may take, and who hears of its progress.
package struct MCPRequestOptions: Sendable {
    /// How long the server may be silent; while it waits for an answer of ours, and `progressTimeout` is set, it is not.
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

    /// What the client can do for the server during this request (revision 2026-07-28 alone); nil for what it was connected with.
    ///
    /// Default nil.
    package var clientCapabilities: ValueObject?

    /// From which level on log messages of this request are wanted (revision 2026-07-28 alone); nil for none.
    ///
    /// Default nil.
    package var logLevel: MCPLogLevel?

    /// Whether the request opens a stream of notifications: once it is acknowledged its answer comes when the server ends the stream.
    var opensStream = false

    /// What becomes of a result that asks for input (revision 2026-07-28 alone).
    ///
    /// Default: it is answered, by `onRequest` or else the client's handler.
    package var inputRequired = InputRequired.answered(rounds: 10)

    /// What becomes of a result that asks for input.
    package enum InputRequired: Sendable {
        /// What it asks goes to `onRequest`, or else to the client's handler, all of it at once, and the request is made again with the
        /// answers, up to so many times. An error in place of an answer ends the request with that error.
        case answered(rounds: Int)
        /// It is the request's result: see ``MCPInputRequired``.
        case returned
    }

    /// The defaults.
    package init(timeout: Duration = .seconds(60)) {
        self.timeout = timeout
    }
}
