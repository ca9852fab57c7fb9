// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Values

/// Encoded fields written by hand: what no well-behaved encoder would send.
enum WireBytes {
    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func tag(_ number: UInt64, _ layout: UInt64) -> [UInt8] { varint(number << 3 | layout) }

    static func field(_ number: UInt64, varint value: UInt64) -> [UInt8] { tag(number, 0) + varint(value) }

    static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        tag(number, 2) + varint(UInt64(content.count)) + content
    }

    static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    static func field(_ number: UInt64, double: Double) -> [UInt8] {
        tag(number, 1) + withUnsafeBytes(of: double.bitPattern.littleEndian) { Array($0) }
    }

    /// The entry of a Struct.
    static func entry(_ key: String, _ value: [UInt8]) -> [UInt8] { field(1, field(1, key) + field(2, value)) }

    /// A Value that holds a Struct that holds itself again, this many objects deep, the outermost a bare Struct.
    static func nestedObjects(_ depth: Int) -> [UInt8] {
        var content: [UInt8] = []
        for _ in 1..<max(depth, 1) { content = entry("k", field(5, content)) }
        return content
    }

    /// A Struct whose one member holds lists inside one another.
    static func nestedLists(_ depth: Int) -> [UInt8] {
        var content: [UInt8] = []
        for _ in 1..<max(depth - 1, 1) { content = field(1, field(6, content)) }
        return entry("k", field(6, content))
    }
}

extension SeededGenerator {
    /// A Struct as a strange but correct encoder may write it: fields in any order, repeated, unknown ones between them.
    mutating func strangeStruct(depth: Int = 4) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0..<4, using: &self) {
            if chance(oneIn: 5) { bytes += unknownField(1) }
            var entry: [[UInt8]] = []
            for _ in 0..<(chance(oneIn: 8) ? Int.random(in: 0..<3, using: &self) : 1) {
                entry.append(WireBytes.field(1, chance(oneIn: 2) ? "k" : text()))
            }
            for _ in 0..<(chance(oneIn: 6) ? Int.random(in: 0..<4, using: &self) : 1) {
                entry.append(WireBytes.field(2, strangeValue(depth: depth)))
            }
            if chance(oneIn: 6) { entry.append(unknownField(2)) }
            entry.shuffle(using: &self)
            bytes += WireBytes.field(1, entry.flatMap { $0 })
        }
        return bytes
    }

    private mutating func strangeValue(depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<(chance(oneIn: 5) ? Int.random(in: 0..<4, using: &self) : 1) {
            if chance(oneIn: 8) { bytes += unknownField(6) }
            switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &self) {
            case 0: bytes += WireBytes.field(1, varint: UInt64.random(in: 0...3, using: &self))
            case 1: bytes += WireBytes.field(4, varint: UInt64.random(in: 0...UInt64.max, using: &self))
            case 2: bytes += WireBytes.field(2, double: number().doubleValue ?? 0)
            case 3, 4: bytes += WireBytes.field(3, text())
            case 5, 6: bytes += WireBytes.field(5, strangeStruct(depth: depth - 1))
            default:
                let elements = (0..<Int.random(in: 0..<4, using: &self)).flatMap { _ in
                    WireBytes.field(1, strangeValue(depth: depth - 1))
                }
                bytes += WireBytes.field(6, elements)
            }
        }
        return bytes
    }

    /// A field with a number above this one, or with a known number and a layout that the field does not have.
    mutating func unknownField(_ known: UInt64) -> [UInt8] {
        let number = known + UInt64.random(in: 1...2000, using: &self)
        // The oracle cannot take known numbers of another layout within an entry.
        switch Int.random(in: 0..<(known == 2 ? 5 : 6), using: &self) {
        case 0: return WireBytes.field(number, varint: UInt64.random(in: 0...UInt64.max, using: &self))
        case 1: return WireBytes.field(number, double: 1)
        case 2: return WireBytes.field(number, [0xFF, 0xFE])
        case 3: return WireBytes.tag(number, 5) + [1, 2, 3, 4]
        case 4: return WireBytes.tag(number, 3) + unknownField(known) + WireBytes.tag(number, 4)
        // All fields of a Struct, its entries and of field 3 of a Value are length-delimited.
        default: return WireBytes.field(known == 6 ? 3 : 1, varint: 7)
        }
    }

    /// The bytes with a few of them changed, removed or inserted.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &self) {
            let position = Int.random(in: 0...bytes.count, using: &self)
            let byte = UInt8.random(in: 0...UInt8.max, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: bytes.insert(byte, at: position)
            case 1 where position < bytes.count: bytes.remove(at: position)
            case 2 where position < bytes.count: bytes[position] ^= 1 << (byte & 7)
            case 3 where position < bytes.count: bytes[position] = byte
            default: bytes.append(byte)
            }
        }
        return bytes
    }
}
