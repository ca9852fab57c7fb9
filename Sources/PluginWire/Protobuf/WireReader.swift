// SPDX-License-Identifier: Apache-2.0

/// Reads the fields of one encoded message.
///
/// Every length is checked against the bytes that are there before anything is read or allocated. The pointer must
/// outlive the reader: readers live inside a `withUnsafeReadableBytes` and go nowhere else.
struct WireReader {
    /// Groups of unknown fields may nest this deep.
    private static let maximumGroups = 100

    /// All bytes; readers of nested messages share them, so that offsets in errors count from the start.
    let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    let end: Int

    /// Makes a reader of all bytes.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(bytes, 0..<bytes.count)
    }

    /// Makes a reader of the message in a range of the bytes.
    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// Whether nothing is left to read.
    var isAtEnd: Bool { position == end }

    /// The bytes that are left to read.
    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[position..<end]) }

    /// The next field's tag; nil at the end of the message.
    @inline(__always)
    mutating func nextTag() throws(WireError) -> WireTag? {
        guard position < end else { return nil }
        let start = position
        let raw = try varint()
        // The largest field number, 2^29 - 1, with its layout just fits into 32 bits.
        guard raw <= UInt64(UInt32.max), let tag = WireTag(rawValue: UInt32(truncatingIfNeeded: raw)) else {
            throw Self.badTag(start)
        }
        return tag
    }

    /// A base-128 number of at most ten bytes; bits beyond the 64th are dropped, as every implementation does.
    @inline(__always)
    mutating func varint() throws(WireError) -> UInt64 {
        if position < end, bytes[position] < 0x80 {
            defer { position &+= 1 }
            return UInt64(bytes[position])
        }
        return try longVarint()
    }

    @inline(never)
    private mutating func longVarint() throws(WireError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position &+= 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift &+= 7
            guard shift < 64 else {
                throw WireError(.malformed, "a varint is longer than ten bytes; send valid protobuf", offset: start)
            }
        }
        throw Self.endsEarly(position)
    }

    /// The bytes of a length-delimited field.
    @inline(__always)
    mutating func delimited() throws(WireError) -> Range<Int> {
        let start = position
        let length = try varint()
        guard length <= UInt64(end &- position) else { throw Self.lengthBeyondEnd(start, length, end &- position) }
        let lower = position
        position &+= Int(length)
        return lower..<position
    }

    /// A message within this one.
    @inline(__always)
    mutating func message() throws(WireError) -> WireReader {
        WireReader(bytes, try delimited())
    }

    /// Text, checked and copied.
    mutating func string() throws(WireError) -> String {
        // Checked here, so that a check without decoding accepts the same; String(validating:) would also be several times
        // slower, being generic code of the standard library that is not specialized.
        let range = try checkedText()
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    /// Text of the field with this name.
    mutating func string(_ name: String) throws(WireError) -> String {
        do throws(WireError) {
            return try string()
        } catch {
            throw error.inside(name)
        }
    }

    /// Reads the message in the field with this name.
    @inline(__always)
    mutating func message<Result>(
        _ name: @autoclosure () -> String, _ body: (inout WireReader) throws(WireError) -> Result
    ) throws(WireError) -> Result {
        do throws(WireError) {
            var content = try message()
            return try body(&content)
        } catch {
            throw error.inside(name())
        }
    }

    /// Text, checked, not copied.
    @inline(__always)
    mutating func checkedText() throws(WireError) -> Range<Int> {
        let range = try delimited()
        guard bytes.isValidUTF8(in: range) else { throw Self.badText(range.lowerBound) }
        return range
    }

    /// An IEEE 754 number of eight bytes, the lowest first.
    @inline(__always)
    mutating func double() throws(WireError) -> Double {
        guard end &- position >= 8 else { throw Self.endsEarly(end) }
        let bits = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        position &+= 8
        return Double(bitPattern: bits)
    }

    /// Passes over the field whose tag was just read.
    mutating func skip(_ tag: WireTag) throws(WireError) {
        switch tag.layout {
        case .varint: _ = try varint()
        case .fixed64: try advance(8)
        case .lengthDelimited: _ = try delimited()
        case .groupStart: try skipGroup(tag.number)
        case .groupEnd: throw Self.strayGroupEnd(position)
        case .fixed32: try advance(4)
        }
    }

    private mutating func advance(_ count: Int) throws(WireError) {
        guard end &- position >= count else { throw Self.endsEarly(end) }
        position &+= count
    }

    private mutating func skipGroup(_ number: UInt32) throws(WireError) {
        var open = [number]
        while let number = open.last {
            guard let tag = try nextTag() else { throw Self.endsEarly(end) }
            switch tag.layout {
            case .groupStart:
                guard open.count < Self.maximumGroups else {
                    throw WireError(
                        .nesting, "more than \(Self.maximumGroups) groups inside one another; send no groups",
                        offset: position)
                }
                open.append(tag.number)
            case .groupEnd:
                guard tag.number == number else { throw Self.strayGroupEnd(position) }
                open.removeLast()
            case .varint, .fixed64, .lengthDelimited, .fixed32:
                try skip(tag)
            }
        }
    }
}

// Errors are made out of line, so that the paths that succeed stay small.
extension WireReader {
    @inline(never)
    static func badTag(_ offset: Int) -> WireError {
        WireError(.malformed, "this is not the tag of a field; send valid protobuf", offset: offset)
    }

    @inline(never)
    static func endsEarly(_ offset: Int) -> WireError {
        WireError(.truncated, "the message ends inside a field; send all of it", offset: offset)
    }

    @inline(never)
    static func lengthBeyondEnd(_ offset: Int, _ length: UInt64, _ left: Int) -> WireError {
        WireError(
            .truncated, "a field claims \(length) bytes where \(left) are left; send all of the message",
            offset: offset)
    }

    @inline(never)
    static func badText(_ offset: Int) -> WireError {
        WireError(.invalidText, "a string is not valid UTF-8; send binary data as base64 text", offset: offset)
    }

    @inline(never)
    static func strayGroupEnd(_ offset: Int) -> WireError {
        WireError(.malformed, "a group ends that never began; send valid protobuf", offset: offset)
    }
}
