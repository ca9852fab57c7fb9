// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOHTTP1

/// An answer to a client's request: its head, and a body that may still be arriving.
package struct HTTPClientResponse: Sendable {
    /// The status.
    package let status: HTTPResponseStatus
    /// The header fields.
    package let headers: HTTPHeaders
    /// The body; whoever lets go of it before its end closes the connection.
    package let body: HTTPClientBody

    /// All of the body.
    ///
    /// Returns at once when the answer arrived in one piece.
    ///
    /// - Parameter limit: the most bytes; a longer body fails with `tooLarge` and closes the connection.
    package func collect(upTo limit: Int) async throws(HTTPClientError) -> ByteBuffer {
        try await body.collect(upTo: limit)
    }
}
