// SPDX-License-Identifier: Apache-2.0

/// Credentials of a client that change over time.
package protocol MCPClientAuthorization: Sendable {
    /// The value of the `Authorization` header of a request that is sent now.
    ///
    /// - Throws: why there is none; the request is not sent then.
    func current() async throws(MCPClientError) -> String

    /// The server did not take a value (HTTP 401); the request is sent once more, if there is another one by then.
    func reject(_ value: String)
}
