// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads the fields of a protobuf message (protobuf.dev: "Encoding"), for the few small messages this layer knows.
struct ProtobufReader {
    /// The value of a field.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
    }

    /// The bytes are no protobuf message.
    struct Malformed: Error {}

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    init(_ buffer: ByteBuffer) {
        rest = Array(buffer.readableBytesView)[...]
    }

    /// The next field, or nil at the end of the message.
    mutating func next() throws(Malformed) -> (field: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        guard let field = Int(exactly: tag >> 3), (1...536_870_911).contains(field) else { throw Malformed() }
        switch tag & 7 {
        case 0: return (field, .varint(try varint()))
        case 1: return (field, .fixed64(try fixed(8)))
        case 2:
            guard let count = Int(exactly: try varint()), count <= rest.count else { throw Malformed() }
            return (field, .bytes(take(count)))
        case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        // Groups, which proto3 does not have.
        default: throw Malformed()
        }
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            guard shift < 63 || byte <= 1 else { throw Malformed() }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
            guard shift < 70 else { throw Malformed() }
        }
        throw Malformed()
    }

    private mutating func fixed(_ count: Int) throws(Malformed) -> UInt64 {
        guard rest.count >= count else { throw Malformed() }
        var result: UInt64 = 0
        for (index, byte) in take(count).enumerated() { result |= UInt64(byte) << UInt64(8 * index) }
        return result
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

extension ProtobufReader.Value {
    /// The bytes of a length-delimited field.
    func asBytes() throws(ProtobufReader.Malformed) -> ArraySlice<UInt8> {
        guard case .bytes(let bytes) = self else { throw ProtobufReader.Malformed() }
        return bytes
    }

    /// The text of a string field, which must be UTF-8.
    func asString() throws(ProtobufReader.Malformed) -> String {
        guard let text = String(validating: try asBytes(), as: UTF8.self) else { throw ProtobufReader.Malformed() }
        return text
    }
}
