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
    /// Fields that are sent before ``headers``, none of which has the name of one of these; nil for none.
    package private(set) var block: HTTPFieldBlock?
    /// The body.
    package var body: ByteBuffer
    /// Whether to do it twice is to do it once, so that it may be sent again when a connection that was kept open turns
    /// out to be closed.
    ///
    /// By default as the method says (RFC 9110, section 9.2.2).
    package var isIdempotent: Bool

    /// Makes a request.
    package init(
        method: HTTPMethod = .GET, address: HTTPAddress, block: HTTPFieldBlock? = nil, headers: HTTPHeaders = [:],
        body: ByteBuffer = ByteBuffer(), isIdempotent: Bool? = nil
    ) {
        self.method = method
        self.address = address
        self.block = block
        self.headers = headers
        self.body = body
        switch method {
        case .GET, .HEAD, .OPTIONS, .TRACE, .PUT, .DELETE: self.isIdempotent = isIdempotent ?? true
        default: self.isIdempotent = isIdempotent ?? false
        }
    }

    /// Sets a header field, in place of all that have its name.
    package mutating func setHeader(_ name: String, _ value: String) {
        if let block, block.headers.contains(name: name) {
            headers = HTTPHeaders(Array(block.headers) + Array(headers))
            self.block = nil
        }
        headers.replaceOrAdd(name: name, value: value)
    }
}
