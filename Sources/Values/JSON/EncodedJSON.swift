// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A value in JSON text, checked in full when it is made, decoded when somebody looks.
package final class EncodedJSON: EncodedDocument {
    fileprivate let storage: [UInt8]
    private let range: Range<Int>

    /// Checks JSON text by the rules of ``JSONParser``.
    ///
    /// - Throws: ``ValueError`` with the offset of the fault.
    package convenience init(checking bytes: [UInt8]) throws(ValueError) {
        var range = 0..<0
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<Range<Int>, ValueError> in
            var scanner = JSONScanner(buffer)
            do throws(ValueError) {
                try scanner.scan()
                return .success(scanner.valueRange)
            } catch {
                return .failure(error)
            }
        }
        range = try result.get()
        self.init(checked: bytes, range)
    }

    /// Takes text that was checked already: the value that lies in a range.
    init(checked storage: [UInt8], _ range: Range<Int>) {
        self.storage = storage
        self.range = range
    }

    /// Takes what a writer has written: one value.
    convenience init(_ writer: consuming JSONWriter) {
        let bytes = writer.bytes
        self.init(checked: bytes, 0..<bytes.count)
    }

    /// How many bytes the text has.
    package var count: Int { range.count }

    /// Whether the value is an object.
    package var isObject: Bool { !range.isEmpty && storage[range.lowerBound] == UInt8(ascii: "{") }

    /// Whether the value is an array.
    package var isArray: Bool { !range.isEmpty && storage[range.lowerBound] == UInt8(ascii: "[") }

    /// Calls the closure with the text.
    package func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        storage.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    /// Whether the other has the same text, byte for byte.
    package func hasSameText(as other: EncodedJSON) -> Bool {
        guard count == other.count else { return false }
        return withBytes { left in
            other.withBytes { right in
                guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return true }
                return memcmp(leftStart, rightStart, left.count) == 0
            }
        }
    }

    /// The same value in text of its own: it does not keep the text that it was part of.
    package var detached: EncodedJSON {
        let bytes = Array(storage[range])
        return EncodedJSON(checked: bytes, 0..<bytes.count)
    }

    /// The whole value.
    package func decode() -> Value { decode(range) }

    /// One member, decoded alone.
    package func member(_ key: String) -> Value? { find(key).map(decode) }

    /// One member as text of its own, not decoded; nil when it is absent or the value is no object.
    package func encodedMember(_ key: String) -> EncodedJSON? {
        find(key).map { EncodedJSON(checked: storage, $0) }
    }

    /// The members in order, each as text of its own; none when the value is no object.
    package var encodedMembers: [(key: String, value: EncodedJSON)] {
        var members: [(key: String, value: EncodedJSON)] = []
        storage.withUnsafeBufferPointer { buffer in
            var skimmer = JSONSkimmer(buffer, at: range.lowerBound)
            skimmer.forEachMember { member in
                let key =
                    member.keyHasEscapes
                    ? JSONParser.unescaped(buffer, member.key) : String(decoding: buffer[member.key], as: UTF8.self)
                members.append((key, EncodedJSON(checked: storage, member.value)))
                return true
            }
        }
        return members
    }

    /// Calls the closure for each member in order; for what is no object never.
    ///
    /// Nothing is decoded or made but what the closure asks the member for.
    package func forEachMember(_ body: (Member) -> Void) {
        storage.withUnsafeBufferPointer { buffer in
            var skimmer = JSONSkimmer(buffer, at: range.lowerBound)
            skimmer.forEachMember { member in
                body(Member(json: self, buffer: buffer, ranges: member))
                return true
            }
        }
    }

    /// A member of an object, where it lies in the text; not to be kept beyond the closure it is given to.
    package struct Member {
        fileprivate let json: EncodedJSON
        fileprivate let buffer: UnsafeBufferPointer<UInt8>
        fileprivate let ranges: JSONMemberRange

        /// Whether this is its key, however it is escaped.
        package func isNamed(_ name: String) -> Bool { EncodedJSON.matches(buffer, ranges, name) }

        /// Its value, decoded.
        package var value: Value { json.decode(ranges.value) }

        /// Its value as text of its own.
        package var encoded: EncodedJSON { EncodedJSON(checked: json.storage, ranges.value) }
    }

    /// Whether the value is an object with at least one member.
    package var hasMembers: Bool {
        withBytes { text in
            var hasMembers = false
            var skimmer = JSONSkimmer(text, at: 0)
            skimmer.forEachMember { _ in
                hasMembers = true
                return false
            }
            return hasMembers
        }
    }

    /// The elements in order, each as text of its own; none when the value is no array.
    package var encodedElements: [EncodedJSON] {
        var elements: [EncodedJSON] = []
        storage.withUnsafeBufferPointer { buffer in
            var skimmer = JSONSkimmer(buffer, at: range.lowerBound)
            skimmer.forEachElement { elements.append(EncodedJSON(checked: storage, $0)) }
        }
        return elements
    }

    /// The same object with one member set, or removed when the value is nil; all other members keep their text and place.
    ///
    /// A member that is new goes to the end. The value must be an object.
    package func setting(_ key: String, to value: Document?) -> EncodedJSON { setting([(key, value)]) }

    /// The same object with several members set, or removed where the value is nil, in one pass; no key may be there twice.
    package func setting(_ changes: [(key: String, value: Document?)]) -> EncodedJSON {
        var writer = JSONWriter()
        writer.reserveCapacity(count + 64 * changes.count)
        writer.raw("{")
        var isFirst = true
        var isDone = changes.map { $0.value == nil }
        storage.withUnsafeBufferPointer { buffer in
            var skimmer = JSONSkimmer(buffer, at: range.lowerBound)
            skimmer.forEachMember { member in
                let change = changes.firstIndex { Self.matches(buffer, member, $0.key) }
                if let change, changes[change].value == nil { return true }
                if !isFirst { writer.raw(",") }
                isFirst = false
                writer.raw(UnsafeBufferPointer(rebasing: buffer[(member.key.lowerBound - 1)...member.key.upperBound]))
                writer.raw(":")
                if let change, let value = changes[change].value {
                    writer.write(value)
                    isDone[change] = true
                } else {
                    writer.raw(UnsafeBufferPointer(rebasing: buffer[member.value]))
                }
                return true
            }
        }
        for (position, change) in changes.enumerated() where !isDone[position] {
            guard let value = change.value else { continue }
            writer.writeKey(change.key, &isFirst)
            writer.write(value)
        }
        writer.raw("}")
        return EncodedJSON(writer)
    }

    /// The same object without the members that the closure, which is called for each in order, wants left out; the rest keeps its text.
    ///
    /// - Returns: the very same when there are none, and for what is no object.
    package func dropping(_ isUnwanted: (Member) -> Bool) -> EncodedJSON {
        storage.withUnsafeBufferPointer { buffer in
            var rest = Rest()
            var drops = false
            var skimmer = JSONSkimmer(buffer, at: range.lowerBound)
            skimmer.forEachMember { ranges in
                if isUnwanted(Member(json: self, buffer: buffer, ranges: ranges)) {
                    if !drops { rest.writer.reserveCapacity(count) }
                    drops = true
                    rest.endRun(buffer)
                } else {
                    rest.keep(ranges)
                }
                return true
            }
            guard drops else { return self }
            rest.endRun(buffer)
            rest.writer.raw(rest.isEmpty ? "{}" : "}")
            return EncodedJSON(rest.writer)
        }
    }

    /// What is left of an object from which members are taken out.
    private struct Rest {
        var writer = JSONWriter()
        var isEmpty = true
        /// Members that follow each other and stay, not written yet.
        private var run: Range<Int>?

        mutating func keep(_ member: JSONMemberRange) {
            run = (run?.lowerBound ?? member.key.lowerBound - 1)..<member.value.upperBound
        }

        mutating func endRun(_ buffer: UnsafeBufferPointer<UInt8>) {
            guard let run else { return }
            writer.raw(isEmpty ? "{" : ",")
            writer.raw(UnsafeBufferPointer(rebasing: buffer[run]))
            isEmpty = false
            self.run = nil
        }
    }

    /// The same object with further members behind its own, whose text is copied as a whole; none of these may have the name of one of
    /// those.
    package func adding(_ members: [(key: String, value: Document)]) -> EncodedJSON {
        var writer = JSONWriter()
        writer.reserveCapacity(members.reduce(count) { $0 + 16 + $1.key.utf8.count + $1.value.lengthHint })
        withBytes { text in
            writer.raw(UnsafeBufferPointer(rebasing: text.dropLast()))
            writer.writeMembers(members, isFirst: !hasMembers)
        }
        writer.raw("}")
        return EncodedJSON(writer)
    }

    private func find(_ key: String) -> Range<Int>? {
        storage.withUnsafeBufferPointer { buffer in
            var found: Range<Int>?
            var skimmer = JSONSkimmer(buffer, at: range.lowerBound)
            skimmer.forEachMember { member in
                guard Self.matches(buffer, member, key) else { return true }
                found = member.value
                return false
            }
            return found
        }
    }

    fileprivate static func matches(
        _ buffer: UnsafeBufferPointer<UInt8>, _ member: JSONMemberRange, _ key: String
    ) -> Bool {
        if member.keyHasEscapes { return JSONParser.unescaped(buffer, member.key).hasSameBytes(as: key) }
        guard member.key.count == key.utf8.count else { return false }
        return key.utf8Span.span.withUnsafeBufferPointer { key in
            guard let left = buffer.baseAddress, let right = key.baseAddress else { return key.isEmpty }
            return memcmp(left + member.key.lowerBound, right, key.count) == 0
        }
    }

    fileprivate func decode(_ range: Range<Int>) -> Value {
        if let plain = storage.withUnsafeBufferPointer({ Self.plain(UnsafeBufferPointer(rebasing: $0[range])) }) {
            return plain
        }
        do throws(ValueError) {
            return try JSONParser.decode(storage[range], maximumNesting: .max)
        } catch {
            // The scanner has checked these bytes by the same rules. Going on with null instead would hide a payload from a
            // plugin that filters.
            preconditionFailure("checked JSON does not decode: \(error)")
        }
    }

    /// A string without escapes, or a short whole number: what is asked for one by one is nearly always one of those.
    private static func plain(_ text: UnsafeBufferPointer<UInt8>) -> Value? {
        guard let base = text.baseAddress, let first = text.first else { return nil }
        if first == UInt8(ascii: "\"") {
            let content = UnsafeBufferPointer(start: base + 1, count: text.count - 2)
            guard memchr(base + 1, Int32(UInt8(ascii: "\\")), content.count) == nil else { return nil }
            return .string(String(decoding: content, as: UTF8.self))
        }
        guard text.count <= 18 else { return nil }
        var number: Int64 = 0
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number &* 10 &+ Int64(digit)
        }
        return .int(number)
    }
}
