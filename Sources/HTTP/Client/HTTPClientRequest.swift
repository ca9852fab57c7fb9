// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOHTTP1

/// A request of a client.
package struct HTTPClientRequest: Sendable {
    /// The method.
    package var method: HTTPMethod
    /// Where to.
    package var address: HTTPAddress
    /// The header fields, without `host`, `content-length`, `transfer-encoding` and `connection`, which the client writes.
    package var headers: HTTPHeaders
    /// The body.
    package var body: ByteBuffer
    /// Whether to do it twice is to do it once, so that it may be sent again when a connection that was kept open turns
    /// out to be closed.
    ///
    /// By default as the method says (RFC 9110, section 9.2.2).
    package var isIdempotent: Bool

    /// Makes a request.
    package init(
        method: HTTPMethod = .GET, address: HTTPAddress, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer(),
        isIdempotent: Bool? = nil
    ) {
        self.method = method
        self.address = address
        self.headers = headers
        self.body = body
        switch method {
        case .GET, .HEAD, .OPTIONS, .TRACE, .PUT, .DELETE: self.isIdempotent = isIdempotent ?? true
        default: self.isIdempotent = isIdempotent ?? false
        }
    }
}
