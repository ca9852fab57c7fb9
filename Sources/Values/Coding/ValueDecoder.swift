// SPDX-License-Identifier: Apache-2.0

/// Makes anything `Decodable` of a ``Value``, with defaults for what is absent and an error for what nobody asked for.
///
/// A key is found as the type spells it (`maxItems`) or in snake case (`max_items`).
public enum ValueDecoder {
    /// Decodes a value.
    ///
    /// - Parameters:
    ///   - type: What to make.
    ///   - value: What to make it of.
    ///   - defaults: Where members that `value` lacks are taken from.
    /// - Throws: ``ValueError`` with the path of the member that is missing, of the wrong type, or unknown.
    public static func decode<T: Decodable>(
        _ type: T.Type, from value: Value, defaults: Value? = nil
    ) throws(ValueError) -> T {
        let node = Node(value: value, fallback: defaults, codingPath: [])
        do {
            return try node.decode(type)
        } catch let error as ValueError {
            throw error
        } catch let DecodingError.dataCorrupted(context) {
            throw ValueError(.type, context.debugDescription, path: context.codingPath.joined)
        } catch {
            throw ValueError(.type, "\(error)")
        }
    }
}

/// A type whose absent members have defaults, wherever it stands in what is decoded.
public protocol DefaultDecodable: Codable {
    /// The defaults.
    init()
}

/// One place in the value that is decoded.
struct Node {
    let value: Value
    let fallback: Value?
    let codingPath: [any CodingKey]

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if let representable = type as? any ValueRepresentable.Type {
            guard let result = representable.represented(by: value) as? T else { throw mismatch("an object") }
            return result
        }
        var node = self
        if fallback == nil, let defaulted = type as? any DefaultDecodable.Type {
            node = Node(value: value, fallback: try ValueEncoder.encode(defaulted.init()), codingPath: codingPath)
        }
        let used = UsedKeys()
        let result = try T(from: Decoding(node: node, used: used))
        try used.checkAll(in: node)
        return result
    }

    func mismatch(_ expected: String) -> ValueError {
        ValueError(.type, "must be \(expected), not \(value.kindDescription)", path: codingPath.joined)
    }

    /// The member of a key, with the spelling under which it was found.
    func member(_ key: any CodingKey) -> (spelling: String?, node: Node)? {
        let name = key.stringValue
        for spelling in [name, name.snakeCased] {
            if let member = value[spelling] {
                let path = codingPath + [PathKey(stringValue: spelling)]
                return (spelling, Node(value: member, fallback: fallback?[name], codingPath: path))
            }
        }
        return fallback?[name].map { `default` in
            (
                nil,
                Node(
                    value: `default`, fallback: `default`,
                    codingPath: codingPath + [PathKey(stringValue: name.snakeCased)])
            )
        }
    }
}

/// One step of a path as error messages show it: a key as the user spelt it, or an index.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }
}

/// The keys of one object that were asked for: all others are mistakes of whoever wrote the object.
final class UsedKeys {
    private var spellings: [String] = []
    private var askedFor: [String] = []
    /// Whether the type asked for something else than members: then its members are no concern of this list.
    var isOpaque = false

    func use(_ key: any CodingKey, foundAs spelling: String?) {
        askedFor.append(key.stringValue.snakeCased)
        if let spelling { spellings.append(spelling) }
    }

    func checkAll(in node: Node) throws(ValueError) {
        guard !isOpaque, let object = node.value.objectValue else { return }
        for member in object where !spellings.contains(where: { $0.hasSameBytes(as: member.key) }) {
            let path = (node.codingPath.isEmpty ? "" : node.codingPath.joined + ".") + member.key
            let suggestion = member.key.closestMatch(among: askedFor).map { "did you mean \"\($0)\"?" }
            let known =
                askedFor.isEmpty ? "there are no keys here" : "known keys are \(askedFor.joined(separator: ", "))"
            throw ValueError(.unknownKey, "unknown key; \(suggestion ?? known)", path: path)
        }
    }
}

struct Decoding: Decoder {
    let node: Node
    let used: UsedKeys
    var codingPath: [any CodingKey] { node.codingPath }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard node.value.objectValue != nil else { throw node.mismatch("an object") }
        return KeyedDecodingContainer(KeyedValues(node: node, used: used))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = node.value.arrayValue else { throw node.mismatch("an array") }
        used.isOpaque = true
        return UnkeyedValues(node: node, elements: elements)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        used.isOpaque = true
        return SingleDecodedValue(node: node)
    }
}

struct SingleDecodedValue: SingleValueDecodingContainer {
    let node: Node
    var codingPath: [any CodingKey] { node.codingPath }

    func decodeNil() -> Bool { node.value.isNull }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard let value = node.value.boolValue else { throw node.mismatch("true or false") }
        return value
    }

    func decode(_ type: String.Type) throws -> String {
        guard let value = node.value.stringValue else { throw node.mismatch("a string") }
        return value
    }

    func decode(_ type: Double.Type) throws -> Double {
        guard let value = node.value.doubleValue else { throw node.mismatch("a number") }
        return value
    }

    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
    func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try node.decode(type) }

    private func integer<I: FixedWidthInteger>() throws -> I {
        guard let value = node.value.intValue else { throw node.mismatch("an integer") }
        guard let integer = I(exactly: value) else {
            throw ValueError(
                .number, "must be between \(I.min) and \(I.max), not \(value)", path: codingPath.joined)
        }
        return integer
    }
}

struct KeyedValues<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let node: Node
    let used: UsedKeys
    var codingPath: [any CodingKey] { node.codingPath }

    var allKeys: [Key] { (node.value.objectValue ?? [:]).compactMap { Key(stringValue: $0.key) } }

    func contains(_ key: Key) -> Bool {
        let found = node.member(key)
        used.use(key, foundAs: found?.spelling)
        return found != nil
    }

    private func required(_ key: any CodingKey) throws -> Node {
        let found = node.member(key)
        used.use(key, foundAs: found?.spelling)
        guard let found else {
            throw ValueError(
                .missing, "is required", path: (codingPath + [PathKey(stringValue: key.stringValue.snakeCased)]).joined)
        }
        return found.node
    }

    func decodeNil(forKey key: Key) throws -> Bool { try required(key).value.isNull }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try required(key).decode(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try Decoding(node: required(key), used: UsedKeys()).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try Decoding(node: required(key), used: UsedKeys()).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { Decoding(node: node, used: used) }
    func superDecoder(forKey key: Key) throws -> any Decoder { Decoding(node: try required(key), used: UsedKeys()) }
}

struct UnkeyedValues: UnkeyedDecodingContainer {
    let node: Node
    let elements: [Value]
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { node.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    init(node: Node, elements: [Value]) {
        self.node = node
        self.elements = elements
    }

    private mutating func next() throws -> Node {
        guard !isAtEnd else {
            throw ValueError(.missing, "has too few elements", path: codingPath.joined)
        }
        defer { currentIndex += 1 }
        return Node(
            value: elements[currentIndex], fallback: nil,
            codingPath: node.codingPath + [PathKey(intValue: currentIndex)])
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try Decoding(node: next(), used: UsedKeys()).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try Decoding(node: next(), used: UsedKeys()).unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { Decoding(node: try next(), used: UsedKeys()) }
}
