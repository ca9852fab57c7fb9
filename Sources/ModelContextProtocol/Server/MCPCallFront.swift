// SPDX-License-Identifier: Apache-2.0

package import Values

/// What stands between a call and a client's request, for a call that goes on when the request has been answered: a client of revision
/// 2026-07-28 that was asked for input comes back with another request.
package protocol MCPCallFront: AnyObject, Sendable {
    /// Takes a notification that belongs to the call; does not wait.
    func notify(_ method: String, _ params: Document?)

    /// Takes a header of the HTTP answer.
    func setHeader(_ name: String, _ value: String)

    /// Takes the status of an HTTP answer that is an error.
    func setErrorStatus(_ status: Int)

    /// Asks the client something, and waits for its answer.
    ///
    /// - Throws: what there is instead of an answer.
    func request(_ method: String, _ params: Document?, timeout: Duration) async throws(JSONRPCError) -> Document
}
