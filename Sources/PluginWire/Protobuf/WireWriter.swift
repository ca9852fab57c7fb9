// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes an encoded message from its end to its start.
///
/// A nested message stands behind its length, and its length is known once it is written. Going backwards, nothing is
/// measured beforehand and nothing is moved afterwards: each byte is written once. So callers write the last field first,
/// and of each field the content, then the length, then the tag.
struct WireWriter: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    /// Where the content begins; it reaches to the end of the memory.
    private var start: Int
    /// What the receiver understands beyond the contract.
    let features: WireFeatures

    /// Makes a writer with room for this many bytes; it grows as needed.
    init(capacity: Int = 1024, features: WireFeatures = []) {
        self.features = features
        self.capacity = max(capacity, 64)
        memory = .allocate(byteCount: self.capacity, alignment: 1)
        start = self.capacity
    }

    deinit {
        memory.deallocate()
    }

    /// How many bytes were written.
    var count: Int { capacity &- start }

    /// Appends what was written to a buffer.
    consuming func finish(into buffer: inout ByteBuffer) {
        buffer.writeBytes(UnsafeRawBufferPointer(start: memory + start, count: count))
    }

    /// Takes room for bytes in front of the content and gives where it begins.
    @inline(__always)
    private mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
        if start < count { grow(count) }
        start &-= count
        return memory + start
    }

    @inline(never)
    private mutating func grow(_ needed: Int) {
        let count = self.count
        let larger = max(capacity * 2, count + needed)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 1)
        (moved + (larger - count)).copyMemory(from: memory + start, byteCount: count)
        memory.deallocate()
        memory = moved
        capacity = larger
        start = larger - count
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        take(1).storeBytes(of: value, as: UInt8.self)
    }

    @inline(__always)
    mutating func varint(_ value: UInt64) {
        if value < 0x80 {
            byte(UInt8(truncatingIfNeeded: value))
        } else {
            longVarint(value)
        }
    }

    @inline(never)
    private mutating func longVarint(_ value: UInt64) {
        let length = (64 &- value.leadingZeroBitCount &+ 6) / 7
        let place = take(length)
        var rest = value
        for index in 0..<(length &- 1) {
            place.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: index, as: UInt8.self)
            rest >>= 7
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: length &- 1, as: UInt8.self)
    }

    @inline(__always)
    mutating func tag(_ number: UInt32, _ layout: WireTag.Layout) {
        varint(UInt64(WireTag(number, layout).rawValue))
    }

    /// The bytes of a number, the lowest first.
    @inline(__always)
    mutating func double(_ value: Double) {
        take(8).storeBytes(of: value.bitPattern.littleEndian, as: UInt64.self)
    }

    @inline(__always)
    mutating func bytes(_ content: UnsafeRawBufferPointer) {
        guard let from = content.baseAddress, !content.isEmpty else { return }
        take(content.count).copyMemory(from: from, byteCount: content.count)
    }

    /// The text's bytes, and how many there are.
    @inline(__always)
    mutating func text(_ content: String) -> Int {
        var content = content
        return content.withUTF8 { utf8 in
            bytes(UnsafeRawBufferPointer(utf8))
            return utf8.count
        }
    }

    /// The length and the tag of a field whose content was written since the count was this.
    @inline(__always)
    mutating func close(_ number: UInt32, since before: Int) {
        varint(UInt64(truncatingIfNeeded: count &- before))
        tag(number, .lengthDelimited)
    }

    /// A field with text; an empty text, the default of proto3, is not written.
    mutating func field(_ number: UInt32, _ content: String) {
        guard !content.isEmpty else { return }
        memberField(number, content)
    }

    /// A field with text, written even when it is empty: that of a oneof, or the key of a map.
    @inline(__always)
    mutating func memberField(_ number: UInt32, _ content: String) {
        let length = text(content)
        varint(UInt64(truncatingIfNeeded: length))
        tag(number, .lengthDelimited)
    }

    /// A field with an int32 or an enum; 0, the default of proto3, is not written.
    mutating func field(_ number: UInt32, _ value: Int32) {
        guard value != 0 else { return }
        // A negative int32 takes ten bytes: it is sent as the 64-bit number with the same sign.
        varint(UInt64(bitPattern: Int64(value)))
        tag(number, .varint)
    }

    /// A field with an unsigned number; 0, the default of proto3, is not written.
    mutating func field(_ number: UInt32, unsigned value: UInt64) {
        guard value != 0 else { return }
        varint(value)
        tag(number, .varint)
    }

    /// A field with a truth value; false, the default of proto3, is not written.
    mutating func field(_ number: UInt32, _ value: Bool) {
        guard value else { return }
        byte(1)
        tag(number, .varint)
    }
}
