// SPDX-License-Identifier: Apache-2.0

import NIOCore
package import NIOHTTP1

/// Header fields that many requests have in common: checked, and written down as they are sent, once.
package struct HTTPFieldBlock: Sendable {
    /// The fields.
    package let headers: HTTPHeaders
    /// The lines that are sent.
    let bytes: ByteBuffer

    /// Makes a block; what the client writes itself (see ``HTTPClientRequest/headers``) is left out of what is sent.
    ///
    /// - Parameter origin: To whom the requests go.
    /// - Throws: ``HTTPClientError`` with the code `invalidRequest` for a name or a value that HTTP does not allow.
    package init(_ headers: HTTPHeaders, for origin: HTTPOrigin) throws(HTTPClientError) {
        var buffer = ByteBuffer()
        try RequestHead.write(headers, to: origin, into: &buffer)
        self.headers = headers
        bytes = buffer
    }
}
