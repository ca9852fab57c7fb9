// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Writes the head of an answer: status line and header fields.
enum ResponseHead {
    /// How the client learns where the body ends.
    enum Framing {
        case length(Int)
        case chunked
        /// By the end of the connection: for HTTP/1.0, which has no chunks.
        case untilClose
        /// There is none, whatever its length would be (RFC 9110, section 6.4.1).
        case noBody
    }

    /// Whether HTTP allows what an application wants to send.
    ///
    /// A line break in a value would let whoever chose the value write header fields and answers of its own.
    static func isValid(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) -> Bool {
        guard (200...999).contains(status.code) else { return false }
        if case .custom(_, let phrase) = status, !phrase.utf8.allSatisfy(\.isFieldCharacter) { return false }
        for (name, value) in headers {
            guard name.isFieldName, value.isFieldValue else { return false }
        }
        return true
    }

    /// Writes a head that is valid.
    static func write(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders, framing: Framing, keepAlive: Bool, version: HTTPVersion,
        into buffer: inout ByteBuffer
    ) {
        switch status {
        case .ok:
            buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
        case .accepted:
            buffer.writeStaticString("HTTP/1.1 202 Accepted\r\n")
        default:
            buffer.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        }
        for (name, value) in headers where !isOurs(name) {
            buffer.writeField(name, value)
        }
        switch framing {
        case .length(let length):
            buffer.writeStaticString("content-length: ")
            buffer.writeDecimal(length)
            buffer.writeStaticString("\r\n")
        case .chunked:
            buffer.writeStaticString("transfer-encoding: chunked\r\n")
        case .untilClose, .noBody:
            break
        }
        if !keepAlive {
            buffer.writeStaticString("connection: close\r\n")
        } else if version != .http1_1 {
            buffer.writeStaticString("connection: keep-alive\r\n")
        }
        buffer.writeStaticString("\r\n")
    }

    /// Whether a header field is written by the server alone.
    private static func isOurs(_ name: String) -> Bool {
        switch name.utf8.count {
        case 10: name.isSameIgnoringCase(as: "connection") || name.isSameIgnoringCase(as: "keep-alive")
        case 14: name.isSameIgnoringCase(as: "content-length")
        case 17: name.isSameIgnoringCase(as: "transfer-encoding")
        default: false
        }
    }
}

extension ByteBuffer {
    /// Writes a header field that is valid.
    mutating func writeField(_ name: String, _ value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { value in
                let count = name.count + value.count + 4
                _ = writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
                    let colon = name.count
                    let end = colon + 2 + value.count
                    UnsafeMutableRawBufferPointer(rebasing: target[..<colon]).copyMemory(
                        from: UnsafeRawBufferPointer(name))
                    target[colon] = UInt8(ascii: ":")
                    target[colon + 1] = UInt8(ascii: " ")
                    UnsafeMutableRawBufferPointer(rebasing: target[(colon + 2)..<end])
                        .copyMemory(from: UnsafeRawBufferPointer(value))
                    target[end] = UInt8(ascii: "\r")
                    target[end + 1] = UInt8(ascii: "\n")
                    return count
                }
            }
        }
    }

    /// Writes a number that is not negative, without making a string of it.
    mutating func writeDecimal(_ number: Int) {
        var digits: UInt64 = 0
        var rest = UInt64(number)
        var count = 0
        // Eight digits fit into a word; more are rare.
        guard rest < 100_000_000 else {
            writeString(String(number))
            return
        }
        repeat {
            digits = digits << 8 | (0x30 + rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        for _ in 0..<count {
            writeInteger(UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }

    /// Writes the bytes as one chunk (RFC 9112, section 7.1); none for no bytes, which would end the body.
    mutating func writeChunk(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        writeString(String(bytes.readableBytes, radix: 16))
        writeStaticString("\r\n")
        writeImmutableBuffer(bytes)
        writeStaticString("\r\n")
    }
}
