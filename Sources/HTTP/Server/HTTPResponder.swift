// SPDX-License-Identifier: Apache-2.0

/// What answers the requests of a server.
package protocol HTTPResponder: Sendable {
    /// Begins to answer a request; called on the event loop of its connection.
    ///
    /// Returns at once: what takes longer goes elsewhere and answers through `exchange` later, from any thread. An
    /// exchange that nobody keeps and that has no answer ends with 500.
    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange)
}
