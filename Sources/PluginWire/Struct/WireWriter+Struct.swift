// SPDX-License-Identifier: Apache-2.0

import Values

// Encoding of values as google.protobuf.Struct, backwards: see WireWriter.
extension WireWriter {
    /// The content of a Struct.
    ///
    /// - Parameter depth: How many objects and arrays lie around the members, this one included.
    mutating func structContent(_ object: ValueObject, depth: Int) throws(WireError) {
        var position = object.count
        while position > 0 {
            position &-= 1
            let member = object[position]
            try entry(member.key, member.value, depth: depth)
        }
    }

    /// One entry of a Struct.
    mutating func entry(_ key: String, _ value: Value, depth: Int) throws(WireError) {
        let before = count
        do throws(WireError) {
            try valueField(2, value, depth: depth)
        } catch {
            throw error.inside(key)
        }
        memberField(1, key)
        close(1, since: before)
    }

    /// One entry of a Struct whose value is text.
    mutating func entry(_ key: StaticString, _ text: String) {
        let before = count
        let start = count
        memberField(3, text)
        close(2, since: start)
        closeEntry(key, since: before)
    }

    /// One entry of a Struct whose value is a whole number within 2^53.
    mutating func entry(_ key: StaticString, _ number: Int) {
        let before = count
        numberField(2, Double(number))
        closeEntry(key, since: before)
    }

    /// One entry of a Struct whose value is a truth value.
    mutating func entry(_ key: StaticString, _ value: Bool) {
        let before = count
        boolField(2, value)
        closeEntry(key, since: before)
    }

    /// The key, the length and the tag of an entry whose value was written since the count was this.
    mutating func closeEntry(_ key: StaticString, since before: Int) {
        bytes(UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        varint(UInt64(key.utf8CodeUnitCount))
        tag(1, .lengthDelimited)
        close(1, since: before)
    }

    /// A field with a Value.
    ///
    /// - Parameter depth: How many objects and arrays lie around it.
    mutating func valueField(_ number: UInt32, _ value: Value, depth: Int) throws(WireError) {
        switch value {
        case .null:
            byte(0)
            tag(1, .varint)
            byte(2)
            tag(number, .lengthDelimited)
        case .bool(let value):
            boolField(number, value)
        case .int(let value):
            if features.contains(.losslessNumbers), value.magnitude > UInt64(ValueLimits.exactInteger) {
                let before = count
                varint(UInt64(bitPattern: value))
                tag(1000, .varint)
                double(Double(value))
                tag(2, .fixed64)
                close(number, since: before)
            } else {
                numberField(number, Double(value))
            }
        case .double(let value):
            guard value.isFinite else { throw StructNumber.notFinite(value) }
            if features.contains(.losslessNumbers), case .int? = StructNumber.value(value) {
                let before = count
                byte(1)
                tag(1001, .varint)
                double(value)
                tag(2, .fixed64)
                close(number, since: before)
            } else {
                numberField(number, value)
            }
        case .string(let value):
            let before = count
            memberField(3, value)
            close(number, since: before)
        case .array(let elements):
            guard depth < ValueLimits.maximumNesting else { throw WireReader.tooDeep(nil) }
            let before = count
            try listContent(elements, depth: depth &+ 1)
            close(6, since: before)
            close(number, since: before)
        case .object(let object):
            guard depth < ValueLimits.maximumNesting else { throw WireReader.tooDeep(nil) }
            let before = count
            try structContent(object, depth: depth &+ 1)
            close(5, since: before)
            close(number, since: before)
        }
    }

    private mutating func listContent(_ elements: [Value], depth: Int) throws(WireError) {
        var position = elements.count
        while position > 0 {
            position &-= 1
            do throws(WireError) {
                try valueField(1, elements[position], depth: depth)
            } catch {
                throw error.inside(String(position))
            }
        }
    }

    private mutating func boolField(_ number: UInt32, _ value: Bool) {
        byte(value ? 1 : 0)
        tag(4, .varint)
        byte(2)
        tag(number, .lengthDelimited)
    }

    private mutating func numberField(_ number: UInt32, _ value: Double) {
        double(value)
        tag(2, .fixed64)
        byte(9)
        tag(number, .lengthDelimited)
    }
}
