// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore
package import Values

/// An object in the bytes of a google.protobuf.Struct, checked when it is made, decoded when somebody looks.
package final class EncodedStruct: EncodedDocument {
    /// The bytes: a slice of the message they came in.
    package let bytes: ByteBuffer

    /// Checks the bytes of a Struct.
    ///
    /// - Throws: ``WireError`` when they are not a Struct that decodes: malformed, truncated, text that is not UTF-8, numbers
    ///   that are not finite, more than ``ValueLimits/maximumNesting`` levels.
    package convenience init(checking bytes: ByteBuffer) throws(WireError) {
        try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            try reader.checkStruct(depth: 1)
        }
        self.init(checked: bytes)
    }

    /// Takes bytes that were checked already.
    init(checked bytes: ByteBuffer) {
        self.bytes = bytes
    }

    /// Whether the bytes may hold fields that only peers of ours understand.
    ///
    /// They may when the second byte of such a field's tag occurs after one of the first. Text may look so, too.
    var mayHoldNumberFields: Bool {
        bytes.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            var from = 1
            while from < bytes.count, let found = memchr(base + from, 0x3E, bytes.count - from) {
                let position = UnsafeRawPointer(found) - base
                if bytes[position - 1] == 0xC0 || bytes[position - 1] == 0xC8 { return true }
                from = position + 1
            }
            return false
        }
    }

    /// The whole object.
    package func decode() -> Value {
        read { (reader: inout WireReader) throws(WireError) in
            var object = ValueObject()
            try reader.decodeStruct(into: &object, depth: 1)
            return .object(object)
        }
    }

    /// One member, decoded alone; of equal keys the last.
    package func member(_ key: String) -> Value? {
        var key = key
        return key.withUTF8 { key in
            read { (reader: inout WireReader) throws(WireError) in
                try reader.decodeMember(UnsafeRawBufferPointer(key), depth: 1)
            }
        }
    }

    private func read<Result>(_ body: (inout WireReader) throws(WireError) -> Result) -> Result {
        do throws(WireError) {
            return try bytes.withWireReader(body)
        } catch {
            // The check that made this object follows the same walk with the same limits, over bytes that nobody can change
            // since. Going on with an empty object instead would hide a payload from a plugin that filters.
            preconditionFailure("checked bytes do not decode: \(error)")
        }
    }
}

extension ByteBuffer {
    /// Reads the bytes of one message.
    func withWireReader<Result>(_ body: (inout WireReader) throws(WireError) -> Result) throws(WireError) -> Result {
        // NIO's closure is not typed by its error, hence the detour.
        let outcome = withUnsafeReadableBytes { bytes -> Swift.Result<Result, WireError> in
            var reader = WireReader(bytes)
            do throws(WireError) {
                return .success(try body(&reader))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
