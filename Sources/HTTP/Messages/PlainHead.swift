// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOHTTP1

/// The head of an ordinary request of HTTP/1.1, read in one pass over its bytes.
///
/// Ordinary is what nearly all messages are: HTTP/1.1, their head whole in one read, a body with a `content-length`, and nothing in
/// them that two readers could understand in two ways. Everything else is not judged here but left to the general parser, so that
/// nothing is accepted that it would refuse, and nothing is understood differently.
struct PlainRequestHead {
    let method: HTTPMethod
    let target: String
    /// The fields in order, spelt as they came.
    let headers: HTTPHeaders
    /// How many bytes of body follow.
    let contentLength: Int
    /// Where in the bytes the body begins.
    let end: Int
    /// What responders find out from it.
    let notes = HTTPHeadNotes()

    /// Reads a head; nil for what is not ordinary, or not whole.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, maximumFields: Int) {
        var reader = PlainHeadReader(bytes)
        guard let method = reader.method(), let target = reader.target(), reader.take(" HTTP/1.1\r\n"),
            reader.readFields(atMost: maximumFields), reader.hosts == 1,
            // A POST without a length has no body; few are sent on purpose.
            let length = reader.contentLength ?? (method == .POST ? nil : 0)
        else { return nil }
        self.method = method
        self.target = target
        headers = HTTPHeaders(reader.fields)
        contentLength = length
        end = reader.position
    }
}

/// The head of an ordinary answer with a body; see ``PlainRequestHead``.
struct PlainAnswerHead {
    let status: HTTPResponseStatus
    /// The fields in order, spelt as they came.
    let headers: HTTPHeaders
    /// How many bytes of body follow.
    let contentLength: Int
    /// Where in the bytes the body begins.
    let end: Int

    /// Reads a head; nil for what is not ordinary, or not whole.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, maximumFields: Int) {
        var reader = PlainHeadReader(bytes)
        if reader.take("HTTP/1.1 200 OK\r\n") {
            status = .ok
        } else if reader.take("HTTP/1.1 202 Accepted\r\n") {
            status = .accepted
        } else {
            return nil
        }
        guard reader.readFields(atMost: maximumFields), let length = reader.contentLength else { return nil }
        headers = HTTPHeaders(reader.fields)
        contentLength = length
        end = reader.position
    }
}

/// Takes a head apart; every method says whether what it found is ordinary.
private struct PlainHeadReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0
    private(set) var fields: [(String, String)] = []
    private(set) var contentLength: Int?
    private(set) var hosts = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// Passes over a text, if it is there.
    mutating func take(_ text: StaticString) -> Bool {
        guard let base = bytes.baseAddress, bytes.count - position >= text.utf8CodeUnitCount,
            memcmp(base + position, text.utf8Start, text.utf8CodeUnitCount) == 0
        else { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    mutating func method() -> HTTPMethod? {
        if take("POST ") { return .POST }
        if take("GET ") { return .GET }
        return take("DELETE ") ? .DELETE : nil
    }

    /// A path, and maybe a query, of characters that mean the same everywhere.
    mutating func target() -> String? {
        let start = position
        guard start < bytes.count, bytes[start] == UInt8(ascii: "/") else { return nil }
        while position < bytes.count, Self.isTargetCharacter(bytes[position]) { position &+= 1 }
        return PlainText.string(UnsafeBufferPointer(rebasing: bytes[start..<position]))
    }

    private static func isTargetCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "-")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
            UInt8(ascii: "?"), UInt8(ascii: "="), UInt8(ascii: "&"):
            true
        default:
            false
        }
    }

    /// All fields, and the empty line behind them.
    mutating func readFields(atMost limit: Int) -> Bool {
        fields.reserveCapacity(min(limit, 12))
        while position < bytes.count, bytes[position] != UInt8(ascii: "\r") {
            guard fields.count < limit, field() else { return false }
        }
        return take("\r\n")
    }

    private mutating func field() -> Bool {
        let start = position
        while position < bytes.count, bytes[position].isTokenCharacter { position &+= 1 }
        let name = UnsafeBufferPointer(rebasing: bytes[start..<position])
        guard !name.isEmpty, position < bytes.count, bytes[position] == UInt8(ascii: ":") else { return false }
        repeat { position &+= 1 } while position < bytes.count && bytes[position] == 0x20
        let valueStart = position
        // Visible ASCII and spaces; nothing that is trimmed, escaped or folded anywhere.
        while position < bytes.count, bytes[position] &- 0x20 < 0x5F { position &+= 1 }
        let value = UnsafeBufferPointer(rebasing: bytes[valueStart..<position])
        guard take("\r\n"), let last = value.last, last != 0x20, isOrdinary(name, value) else { return false }
        fields.append((PlainText.string(name), PlainText.string(value)))
        return true
    }

    /// Takes note of a field that is about the message itself.
    private mutating func isOrdinary(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        switch name.count {
        case 4 where name.isSameIgnoringCase(as: "host"):
            hosts += 1
            return value.allSatisfy(\.isHostCharacter)
        case 6: return !name.isSameIgnoringCase(as: "expect")
        case 7: return !name.isSameIgnoringCase(as: "upgrade") && !name.isSameIgnoringCase(as: "trailer")
        case 10 where name.isSameIgnoringCase(as: "connection"): return value.isSameIgnoringCase(as: "keep-alive")
        case 14 where name.isSameIgnoringCase(as: "content-length"): return readLength(value)
        case 16: return !name.isSameIgnoringCase(as: "proxy-connection")
        case 17: return !name.isSameIgnoringCase(as: "transfer-encoding")
        default: return true
        }
    }

    private mutating func readLength(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard contentLength == nil, value.count <= 9 else { return false }
        var length = 0
        for byte in value {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return false }
            length = length &* 10 &+ Int(digit)
        }
        contentLength = length
        return true
    }
}

/// Texts of heads as strings.
private enum PlainText {
    /// Nearly all texts of more than 15 bytes, which would need memory of their own, are one of a few.
    static func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        switch bytes.count {
        case 16 where bytes.isSame(as: "application/json"): "application/json"
        case 17 where bytes.isSame(as: "text/event-stream"): "text/event-stream"
        case 20 where bytes.isSame(as: "mcp-protocol-version"): "mcp-protocol-version"
        case 35 where bytes.isSame(as: "application/json, text/event-stream"): "application/json, text/event-stream"
        default: String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether they begin with these, of which there is at least one.
    func begin(with bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { start in
            guard let left = start.baseAddress, let right = baseAddress, count >= start.count else { return false }
            return memcmp(left, right, start.count) == 0
        }
    }

    /// Whether the bytes are those of `text`.
    fileprivate func isSame(as text: StaticString) -> Bool {
        guard let baseAddress, count == text.utf8CodeUnitCount else { return false }
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }

    /// Whether the bytes are those of `text`, A to Z being the same as a to z.
    fileprivate func isSameIgnoringCase(as text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for index in indices where !self[index].isSameIgnoringCase(as: text.utf8Start[index]) { return false }
        return true
    }
}
