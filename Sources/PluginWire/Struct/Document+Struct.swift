// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Values

extension Document {
    /// A document of the bytes of a Struct that were checked; without bytes, of an empty object.
    init(checkedStruct bytes: ByteBuffer?) {
        if let bytes, bytes.readableBytes > 0 {
            self.init(encoded: EncodedStruct(checked: bytes))
        } else {
            self.init(object: ValueObject())
        }
    }
}

extension WireReader {
    /// Checks the Struct in the field with this name and takes its bytes, a slice of the message's.
    ///
    /// When the field came before, both are merged: the encoding of a merged message is that of the first followed by that of
    /// the second.
    mutating func checkedStruct(
        _ name: String, of whole: ByteBuffer, into bytes: inout ByteBuffer?
    ) throws(WireError) {
        try checkedSlice(name, of: whole, into: &bytes) { (content: inout WireReader) throws(WireError) in
            try content.checkStruct(depth: 1)
        }
    }

    /// Checks the message in the field with this name and takes its bytes, as ``checkedStruct(_:of:into:)`` does.
    mutating func checkedSlice(
        _ name: String, of whole: ByteBuffer, into bytes: inout ByteBuffer?,
        check: (inout WireReader) throws(WireError) -> Void
    ) throws(WireError) {
        let range = try message(name) { (content: inout WireReader) throws(WireError) in
            let range = content.position..<content.end
            try check(&content)
            return range
        }
        guard let slice = whole.getSlice(at: whole.readerIndex + range.lowerBound, length: range.count) else { return }
        if bytes == nil {
            bytes = slice
        } else {
            bytes?.writeImmutableBuffer(slice)
        }
    }
}

extension WireWriter {
    /// A field with a document as a Struct: its bytes as they came, or its value encoded.
    mutating func structField(_ number: UInt32, _ name: String, _ document: Document) throws(WireError) {
        let before = count
        if let encoded = document.encoded as? EncodedStruct, mayPass(encoded) {
            structBytes(encoded)
        } else {
            guard case .object(let object) = document.value else {
                throw WireError(
                    .type, "must be an object, not \(document.value.kindDescription)", path: [name])
            }
            try structContent(name, object)
        }
        close(number, since: before)
    }

    /// A field with an object as a Struct; an empty object is not written.
    mutating func structField(_ number: UInt32, _ name: String, _ object: ValueObject) throws(WireError) {
        guard !object.isEmpty else { return }
        let before = count
        try structContent(name, object)
        close(number, since: before)
    }

    /// Whether the receiver understands all that the bytes of a Struct may hold.
    func mayPass(_ encoded: EncodedStruct) -> Bool {
        features.contains(.losslessNumbers) || !encoded.mayHoldNumberFields
    }

    /// The bytes of a Struct as they came.
    mutating func structBytes(_ encoded: EncodedStruct) {
        encoded.bytes.withUnsafeReadableBytes { bytes($0) }
    }

    private mutating func structContent(_ name: String, _ object: ValueObject) throws(WireError) {
        do throws(WireError) {
            try structContent(object, depth: 1)
        } catch {
            throw error.inside(name)
        }
    }
}
