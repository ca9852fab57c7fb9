// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Writes the head of a request.
enum RequestHead {
    /// Bodies longer than this are not copied behind their head.
    static let copyLimit = 16 << 10

    /// The request as it is sent: its head, with the body behind it when that is short.
    ///
    /// A line break in a field or in the target would let whoever chose the text write requests of its own.
    static func bytes(_ request: HTTPClientRequest) throws(HTTPClientError) -> ByteBuffer {
        let method = request.method.rawValue
        guard method.isFieldName else {
            throw HTTPClientError(.invalidRequest, "a request has a method that is no name: \(method)", isUnsent: true)
        }
        guard request.address.target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw HTTPClientError(
                .invalidRequest,
                "the target of a request to \(request.address.origin) has a space or control character",
                isUnsent: true)
        }
        let length = request.body.readableBytes
        var buffer = ByteBuffer()
        buffer.reserveCapacity(
            256 + (request.block?.bytes.readableBytes ?? 0) + 64 * request.headers.count
                + (length <= copyLimit ? length : 0))
        buffer.writeString(method)
        buffer.writeStaticString(" ")
        buffer.writeString(request.address.target)
        buffer.writeStaticString(" HTTP/1.1\r\nhost: ")
        buffer.writeString(request.address.origin.authority)
        buffer.writeStaticString("\r\n")
        if let block = request.block { buffer.writeImmutableBuffer(block.bytes) }
        try write(request.headers, to: request.address.origin, into: &buffer)
        if length > 0 || hasBody(request.method) {
            buffer.writeStaticString("content-length: ")
            buffer.writeDecimal(length)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
        if length <= copyLimit { buffer.writeImmutableBuffer(request.body) }
        return buffer
    }

    /// Writes fields, without those that are written by the client alone.
    static func write(
        _ headers: HTTPHeaders, to origin: HTTPOrigin, into buffer: inout ByteBuffer
    ) throws(HTTPClientError) {
        for (name, value) in headers where !isOurs(name) {
            guard name.isFieldName, value.isFieldValue else {
                throw HTTPClientError(
                    .invalidRequest,
                    "the header field \(name) of a request to \(origin) has a name or a value that HTTP does not allow; "
                        + "remove what is no text",
                    isUnsent: true)
            }
            buffer.writeField(name, value)
        }
    }

    /// Whether a server expects to be told of an empty body, too (RFC 9110, section 8.6).
    private static func hasBody(_ method: HTTPMethod) -> Bool {
        method == .POST || method == .PUT || method == .PATCH
    }

    /// Whether a header field is written by the client alone.
    private static func isOurs(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: name.isSameIgnoringCase(as: "host")
        case 10: name.isSameIgnoringCase(as: "connection") || name.isSameIgnoringCase(as: "keep-alive")
        case 14: name.isSameIgnoringCase(as: "content-length")
        case 17: name.isSameIgnoringCase(as: "transfer-encoding")
        default: false
        }
    }
}
