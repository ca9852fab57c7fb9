// SPDX-License-Identifier: Apache-2.0

package import HTTP
import NIOCore
import NIOHTTP1

/// What keys and tokens are fetched with: one answer, in full, of bounded size and time, from exactly the address asked.
package struct SecureClient: Sendable {
    private let client: HTTPClient

    /// Uses a client, which its owner shuts down.
    package init(_ client: HTTPClient) { self.client = client }

    /// Sends a request and returns the answer's status and body.
    ///
    /// Redirects are not followed: they could lead to places that the configuration does not name.
    ///
    /// - Throws: What failed, as it follows the name of the address.
    func exchange(
        _ request: HTTPClientRequest, timeout: Duration, maximumSize: Int
    ) async throws(KeyError) -> (status: HTTPResponseStatus, body: ByteBuffer) {
        do throws(HTTPClientError) {
            let response = try await client.execute(request, deadline: .now() + TimeAmount(timeout))
            return (response.status, try await response.collect(upTo: maximumSize))
        } catch {
            throw KeyError(error.message)
        }
    }

    /// Gets a document that has to be there.
    ///
    /// - Throws: What failed, as it follows the name of the address.
    func get(_ address: SecureAddress, timeout: Duration, maximumSize: Int) async throws(KeyError) -> [UInt8] {
        let request = HTTPClientRequest(address: address.address, headers: ["accept": "application/json"])
        let (status, body) = try await exchange(request, timeout: timeout, maximumSize: maximumSize)
        guard status == .ok else {
            let advice =
                (300...399).contains(status.code)
                ? "redirects are not followed, give the address itself" : "check the address"
            throw KeyError("answered with \(status.code); \(advice)")
        }
        return Array(body.readableBytesView)
    }
}
