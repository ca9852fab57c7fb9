// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOHTTP1

/// A request as a responder sees it: whole, within the limits, checked by the rules of HTTP.
package struct HTTPServerRequest: Sendable {
    /// The method; any that HTTP knows.
    package let method: HTTPMethod

    /// The request target as the client sent it (RFC 9112, section 3.2).
    package let target: String

    /// The path of the target, percent-encoded as it was sent; of an absolute target the part behind the authority.
    package let path: String

    /// What follows the first `?` of the target; nil without one.
    package let query: String?

    /// The header fields in the order they came in; each value is free of control characters but for tabs.
    package let headers: HTTPHeaders

    /// The body, of any encoding the client says it has in `content-encoding`; transfer codings are undone.
    package let body: ByteBuffer

    /// Who asks.
    package let peer: HTTPPeer

    /// What is known of other requests with the same head; nil for a head that is not compared with others.
    package let notes: HTTPHeadNotes?

    /// Makes a request, for tests of responders.
    package init(
        method: HTTPMethod, target: String, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer(), peer: HTTPPeer,
        notes: HTTPHeadNotes? = nil
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
        self.notes = notes
        (path, query) = Self.split(target)
    }

    /// The path and the query of a target.
    private static func split(_ target: String) -> (path: String, query: String?) {
        let utf8 = target.utf8
        // Nearly all targets are a path and nothing else, which is then the target itself.
        if utf8.first == UInt8(ascii: "/"), !utf8.contains(UInt8(ascii: "?")) { return (target, nil) }
        var rest = utf8[...]
        if let scheme = ["http://", "https://"].first(where: { target.hasPrefixIgnoringCase($0) }) {
            rest = rest.dropFirst(scheme.utf8.count)
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            rest = rest[end...]
        }
        let mark = rest.firstIndex(of: UInt8(ascii: "?"))
        let path = String(decoding: rest[..<(mark ?? rest.endIndex)], as: UTF8.self)
        let query = mark.map { String(decoding: rest[rest.index(after: $0)...], as: UTF8.self) }
        return (path.isEmpty ? "/" : path, query)
    }
}

/// A whole answer of a responder.
package struct HTTPServerResponse: Sendable {
    /// The status.
    package var status: HTTPResponseStatus

    /// The header fields, without `content-length`, `transfer-encoding` and `connection`, which the server writes.
    ///
    /// A name or value that HTTP does not allow, such as one with a line break, makes the answer a 500.
    package var headers: HTTPHeaders

    /// The body.
    package var body: ByteBuffer

    /// Makes an answer.
    package init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer of plain text; a line end is added.
    package static func text(_ status: HTTPResponseStatus, _ text: String) -> HTTPServerResponse {
        HTTPServerResponse(status: status, headers: plainText, body: ByteBuffer(string: text + "\n"))
    }

    /// Made once: the headers of most answers are the same few.
    private static let plainText: HTTPHeaders = ["content-type": "text/plain; charset=utf-8"]
}
