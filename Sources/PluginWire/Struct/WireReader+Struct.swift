// SPDX-License-Identifier: Apache-2.0

import Values

// Decoding of google.protobuf.Struct into values. It follows protobuf's rules to the letter: fields come in any order and
// may repeat; of equal keys the last wins (in the place of the first); of several kinds in one Value the last wins, and
// two objects or lists in a row are merged; unknown fields are passed over. A Value without a kind is null, as the Python
// implementation reads it, although struct.proto calls it an error.
extension WireReader {
    /// Decodes the rest of this message, a Struct, into an object.
    ///
    /// - Parameter depth: How many objects and arrays lie around its members, this one included.
    mutating func decodeStruct(into object: inout ValueObject, depth: Int) throws(WireError) {
        if object.isEmpty { object.reserveCapacity(expectedCount(bytesEach: 12)) }
        while let tag = try nextTag() {
            if tag == StructFields.entry {
                var entry = try message()
                try entry.decodeEntry(into: &object, depth: depth)
            } else {
                try skip(tag)
            }
        }
    }

    private mutating func decodeEntry(into object: inout ValueObject, depth: Int) throws(WireError) {
        let whole = position..<end
        var key = ""
        var value = Value.null
        while let tag = try nextTag() {
            switch tag {
            case StructFields.key:
                key = try string()
            case StructFields.value:
                var content = try message()
                do throws(WireError) {
                    try content.decodeValue(into: &value, depth: depth)
                } catch {
                    throw error.inside(Self.keyName(bytes, whole))
                }
            default:
                try skip(tag)
            }
        }
        if !object.insert(value, forNewKey: key) { object[key] = value }
    }

    /// Decodes the rest of this message, a Value, on top of what the field held before.
    mutating func decodeValue(into value: inout Value, depth: Int) throws(WireError) {
        // The number that this message holds so far, for what peers of ours say about it; NaN, equal to nothing, for none.
        var last = Double.nan
        while let tag = try nextTag() {
            switch tag {
            case StructFields.string:
                value = .string(try string())
                last = .nan
            case StructFields.number:
                let offset = position
                let number = try double()
                guard let decoded = StructNumber.value(number) else {
                    throw StructNumber.notFinite(number, offset: offset)
                }
                value = decoded
                last = number
            case StructFields.exactInteger:
                // A peer that does not know it acts on the number: it counts only if it is the same one. The check passes over it.
                let integer = Int64(bitPattern: try varint())
                if Double(integer) == last { value = .int(integer) }
            case StructFields.isDouble:
                if try varint() != 0, !last.isNaN { value = .double(last) }
            case StructFields.bool:
                value = .bool(try varint() != 0)
                last = .nan
            case StructFields.null:
                _ = try varint()
                value = .null
                last = .nan
            case StructFields.object:
                var content = try message()
                var object = ValueObject()
                if case .object(let before) = value { object = before }
                value = .null
                try content.decodeStruct(into: &object, depth: try Self.deeper(depth, content.position))
                value = .object(object)
                last = .nan
            case StructFields.array:
                var content = try message()
                var elements: [Value] = []
                if case .array(let before) = value { elements = before }
                value = .null
                try content.decodeList(into: &elements, depth: try Self.deeper(depth, content.position))
                value = .array(elements)
                last = .nan
            default:
                try skip(tag)
            }
        }
    }

    /// How many members or elements to make room for: of small ones, so that room follows the bytes that are there.
    private func expectedCount(bytesEach: Int) -> Int {
        min((end &- position) / bytesEach, 8)
    }

    private mutating func decodeList(into elements: inout [Value], depth: Int) throws(WireError) {
        if elements.isEmpty { elements.reserveCapacity(expectedCount(bytesEach: 6)) }
        while let tag = try nextTag() {
            guard tag == StructFields.element else {
                try skip(tag)
                continue
            }
            var content = try message()
            var value = Value.null
            do throws(WireError) {
                try content.decodeValue(into: &value, depth: depth)
            } catch {
                throw error.inside(String(elements.count))
            }
            elements.append(value)
        }
    }
}

// The same walk without results: what it accepts, the decoding above accepts.
extension WireReader {
    /// Checks the rest of this message, a Struct, and makes nothing.
    mutating func checkStruct(depth: Int) throws(WireError) {
        while let tag = try nextTag() {
            if tag == StructFields.entry {
                var entry = try message()
                try entry.checkEntry(depth: depth)
            } else {
                try skip(tag)
            }
        }
    }

    private mutating func checkEntry(depth: Int) throws(WireError) {
        let whole = position..<end
        while let tag = try nextTag() {
            switch tag {
            case StructFields.key:
                _ = try checkedText()
            case StructFields.value:
                var content = try message()
                do throws(WireError) {
                    try content.checkValue(depth: depth)
                } catch {
                    throw error.inside(Self.keyName(bytes, whole))
                }
            default:
                try skip(tag)
            }
        }
    }

    /// Checks the rest of this message, a Value.
    mutating func checkValue(depth: Int) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case StructFields.string:
                _ = try checkedText()
            case StructFields.number:
                let offset = position
                let number = try double()
                guard number.isFinite else { throw StructNumber.notFinite(number, offset: offset) }
            case StructFields.bool, StructFields.null:
                _ = try varint()
            case StructFields.object:
                var content = try message()
                try content.checkStruct(depth: try Self.deeper(depth, content.position))
            case StructFields.array:
                var content = try message()
                try content.checkList(depth: try Self.deeper(depth, content.position))
            default:
                try skip(tag)
            }
        }
    }

    private mutating func checkList(depth: Int) throws(WireError) {
        var index = 0
        while let tag = try nextTag() {
            guard tag == StructFields.element else {
                try skip(tag)
                continue
            }
            var content = try message()
            do throws(WireError) {
                try content.checkValue(depth: depth)
            } catch {
                throw error.inside(String(index))
            }
            index += 1
        }
    }

    @inline(__always)
    private static func deeper(_ depth: Int, _ offset: Int) throws(WireError) -> Int {
        guard depth < ValueLimits.maximumNesting else { throw tooDeep(offset) }
        return depth &+ 1
    }

    @inline(never)
    static func tooDeep(_ offset: Int?) -> WireError {
        WireError(
            .nesting,
            "more than \(ValueLimits.maximumNesting) arrays and objects inside one another; flatten the value",
            offset: offset)
    }

    /// The key of the map entry in a range, as far as it can be told, for errors.
    private static func keyName(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        var entry = WireReader(bytes, range)
        var name = ""
        do throws(WireError) {
            while let tag = try entry.nextTag() {
                if tag == StructFields.key {
                    // An error shows the first characters alone: a key of megabytes is not copied for it.
                    name = String(decoding: bytes[try entry.delimited()].prefix(256), as: UTF8.self)
                } else {
                    try entry.skip(tag)
                }
            }
        } catch {
            // The entry ends early; what was found before that is all there is.
        }
        return name
    }
}

extension WireReader {
    /// Finds one member of this message, a Struct, and decodes it alone; nil when there is none with this key.
    ///
    /// - Parameter depth: How many objects and arrays lie around its members, this one included.
    mutating func decodeMember(_ key: UnsafeRawBufferPointer, depth: Int) throws(WireError) -> Value? {
        var found: WireReader?
        while let tag = try nextTag() {
            guard tag == StructFields.entry else {
                try skip(tag)
                continue
            }
            let entry = try message()
            // The last of equal keys wins, so the search goes on.
            if try entry.hasKey(key) { found = entry }
        }
        guard var entry = found else { return nil }
        var value = Value.null
        while let tag = try entry.nextTag() {
            if tag == StructFields.value {
                var content = try entry.message()
                try content.decodeValue(into: &value, depth: depth)
            } else {
                try entry.skip(tag)
            }
        }
        return value
    }

    private func hasKey(_ key: UnsafeRawBufferPointer) throws(WireError) -> Bool {
        var entry = self
        // Without a key field the key is empty.
        var same = key.isEmpty
        while let tag = try entry.nextTag() {
            if tag == StructFields.key {
                let range = try entry.delimited()
                same = range.count == key.count && bytes[range].elementsEqual(key)
            } else {
                try entry.skip(tag)
            }
        }
        return same
    }
}
