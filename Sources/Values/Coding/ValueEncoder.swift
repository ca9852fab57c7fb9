// SPDX-License-Identifier: Apache-2.0

/// Makes a ``Value`` of anything that is `Encodable`.
public enum ValueEncoder {
    /// The value of something encodable.
    ///
    /// - Throws: ``ValueError`` for integers beyond 64 signed bits, and whatever the type itself throws.
    public static func encode(_ encodable: some Encodable) throws -> Value {
        try encodeAny(encodable)
    }

    fileprivate static func encodeAny(_ encodable: any Encodable) throws -> Value {
        if let value = encodable as? any ValueRepresentable { return value.representedValue }
        let target = Target()
        try encodable.encode(to: Encoding(target: target, codingPath: []))
        return target.value
    }
}

/// What stands for itself as a value.
protocol ValueRepresentable {
    var representedValue: Value { get }
    static func represented(by value: Value) -> Self?
}

extension Value: ValueRepresentable {
    var representedValue: Value { self }
    static func represented(by value: Value) -> Value? { value }
}

extension ValueObject: ValueRepresentable {
    var representedValue: Value { .object(self) }
    static func represented(by value: Value) -> ValueObject? { value.objectValue }
}

extension Value: Codable {
    /// Takes the value as it is from a ``ValueDecoder``; no other decoder is supported.
    public init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "a Value decodes from a ValueDecoder only"))
    }

    /// Gives the value as it is to a ``ValueEncoder``; no other encoder is supported.
    public func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self, .init(codingPath: encoder.codingPath, debugDescription: "a Value encodes to a ValueEncoder only"))
    }
}

extension ValueObject: Codable {
    /// Takes the object as it is from a ``ValueDecoder``; no other decoder is supported.
    public init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "a ValueObject decodes from a ValueDecoder only"))
    }

    /// Gives the object as it is to a ``ValueEncoder``; no other encoder is supported.
    public func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self,
            .init(codingPath: encoder.codingPath, debugDescription: "a ValueObject encodes to a ValueEncoder only"))
    }
}

/// The place where a container leaves what it was given.
private final class Target {
    enum Content {
        case nothing
        case single(Value)
        case object([(String, Target)])
        case array([Target])
    }

    var content = Content.nothing

    var value: Value {
        switch content {
        case .nothing: .object([:])
        case .single(let value): value
        case .object(let members): .object(ValueObject(members.map { ($0.0, $0.1.value) }))
        case .array(let elements): .array(elements.map(\.value))
        }
    }

    func makeObject() {
        if case .object = content { return }
        content = .object([])
    }

    func makeArray() {
        if case .array = content { return }
        content = .array([])
    }

    func member(_ key: String) -> Target {
        let target = Target()
        if case .object(var members) = content {
            members.append((key, target))
            content = .object(members)
        }
        return target
    }

    func element() -> Target {
        let target = Target()
        if case .array(var elements) = content {
            elements.append(target)
            content = .array(elements)
        }
        return target
    }
}

private struct Encoding: Encoder {
    let target: Target
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        target.makeObject()
        return KeyedEncodingContainer(Keyed(target: target, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        target.makeArray()
        return Unkeyed(target: target, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        Single(target: target, codingPath: codingPath)
    }
}

private struct Single: SingleValueEncodingContainer {
    let target: Target
    let codingPath: [any CodingKey]

    func encodeNil() throws { target.content = .single(.null) }
    func encode(_ value: Bool) throws { target.content = .single(.bool(value)) }
    func encode(_ value: String) throws { target.content = .single(.string(value)) }
    func encode(_ value: Double) throws { target.content = .single(.double(value)) }
    func encode(_ value: Float) throws { target.content = .single(.double(Double(value))) }
    func encode(_ value: Int) throws { try encodeInteger(value) }
    func encode(_ value: Int8) throws { try encodeInteger(value) }
    func encode(_ value: Int16) throws { try encodeInteger(value) }
    func encode(_ value: Int32) throws { try encodeInteger(value) }
    func encode(_ value: Int64) throws { try encodeInteger(value) }
    func encode(_ value: UInt) throws { try encodeInteger(value) }
    func encode(_ value: UInt8) throws { try encodeInteger(value) }
    func encode(_ value: UInt16) throws { try encodeInteger(value) }
    func encode(_ value: UInt32) throws { try encodeInteger(value) }
    func encode(_ value: UInt64) throws { try encodeInteger(value) }
    func encode<T: Encodable>(_ value: T) throws { target.content = .single(try ValueEncoder.encodeAny(value)) }

    private func encodeInteger(_ value: some BinaryInteger) throws {
        guard let integer = Int64(exactly: value) else {
            throw ValueError(.number, "\(value) does not fit in 64 signed bits", path: codingPath.joined)
        }
        target.content = .single(.int(integer))
    }
}

private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let target: Target
    let codingPath: [any CodingKey]

    mutating func encodeNil(forKey key: Key) throws { target.member(key.stringValue).content = .single(.null) }

    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        target.member(key.stringValue).content = .single(try ValueEncoder.encodeAny(value))
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        Encoding(target: target.member(key.stringValue), codingPath: codingPath + [key]).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        Encoding(target: target.member(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { Encoding(target: target.member("super"), codingPath: codingPath) }

    mutating func superEncoder(forKey key: Key) -> any Encoder {
        Encoding(target: target.member(key.stringValue), codingPath: codingPath + [key])
    }
}

private struct Unkeyed: UnkeyedEncodingContainer {
    let target: Target
    let codingPath: [any CodingKey]
    private(set) var count = 0

    init(target: Target, codingPath: [any CodingKey]) {
        self.target = target
        self.codingPath = codingPath
    }

    private mutating func next() -> Target {
        count += 1
        return target.element()
    }

    mutating func encodeNil() throws { next().content = .single(.null) }

    mutating func encode<T: Encodable>(_ value: T) throws {
        next().content = .single(try ValueEncoder.encodeAny(value))
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        Encoding(target: next(), codingPath: codingPath).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        Encoding(target: next(), codingPath: codingPath).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { Encoding(target: next(), codingPath: codingPath) }
}

extension [any CodingKey] {
    /// The keys and indexes joined by dots.
    var joined: String {
        map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
