// SPDX-License-Identifier: Apache-2.0

/// The members of an object: keys to values, in the order in which they were received.
///
/// Keys are compared as UTF-8 bytes. Small objects are searched from the front; from `indexThreshold` members on, an index
/// keeps look-up and insertion constant, so that an object of a hundred thousand keys costs what its bytes cost.
public struct ValueObject: Sendable {
    /// One member.
    public struct Member: Sendable, Equatable {
        /// The member's name.
        public let key: String
        /// The member's value.
        public var value: Value

        /// Makes a member.
        public init(key: String, value: Value) {
            self.key = key
            self.value = value
        }

        /// Compares the key by bytes, and the value.
        public static func == (lhs: Member, rhs: Member) -> Bool {
            lhs.key.hasSameBytes(as: rhs.key) && lhs.value == rhs.value
        }
    }

    /// From this many members on, look-ups go through an index.
    private static let indexThreshold = 16

    private var storage: [Member] = []
    private var index: [ByteKey: Int]?

    /// Makes an object without members.
    public init() {}

    /// Makes an object of these members; of equal keys the last one wins, in the place of the first.
    public init(_ members: some Sequence<(String, Value)>) {
        for (key, value) in members {
            self[key] = value
        }
    }

    /// How many members there are.
    public var count: Int { storage.count }

    /// Whether there are no members.
    public var isEmpty: Bool { storage.isEmpty }

    /// The names of the members, in order.
    public var keys: [String] { storage.map(\.key) }

    /// The value of the member with this name.
    ///
    /// Setting nil removes the member; a new member goes to the end.
    public subscript(key: String) -> Value? {
        get {
            position(of: key).map { storage[$0].value }
        }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): storage[position].value = value
            case (let position?, nil): remove(at: position)
            case (nil, let value?): appendNew(key, value)
            case (nil, nil): break
            }
        }
    }

    /// The value of the member with this name, or another value when there is no such member.
    public subscript(key: String, default fallback: @autoclosure () -> Value) -> Value {
        get { self[key] ?? fallback() }
        set { self[key] = newValue }
    }

    /// Whether there is a member with this name.
    public func contains(_ key: String) -> Bool {
        position(of: key) != nil
    }

    /// Adds a member if its name is new, and says whether it did: what decoders that refuse duplicate keys use.
    public mutating func insert(_ value: Value, forNewKey key: String) -> Bool {
        guard position(of: key) == nil else { return false }
        appendNew(key, value)
        return true
    }

    /// Sets every member of another object in this one; the other's values win.
    public mutating func merge(_ other: ValueObject) {
        for member in other { self[member.key] = member.value }
    }

    /// Makes room for this many members.
    public mutating func reserveCapacity(_ capacity: Int) {
        storage.reserveCapacity(capacity)
    }

    private mutating func appendNew(_ key: String, _ value: Value) {
        storage.append(Member(key: key, value: value))
        if index != nil {
            index?[ByteKey(key)] = storage.count - 1
        } else if storage.count >= Self.indexThreshold {
            rebuildIndex()
        }
    }

    private mutating func remove(at position: Int) {
        storage.remove(at: position)
        if storage.count >= Self.indexThreshold { rebuildIndex() } else { index = nil }
    }

    private mutating func rebuildIndex() {
        var index: [ByteKey: Int] = [:]
        index.reserveCapacity(storage.count)
        for (position, member) in storage.enumerated() { index[ByteKey(member.key)] = position }
        self.index = index
    }

    private func position(of key: String) -> Int? {
        if let index { return index[ByteKey(key)] }
        return storage.firstIndex { $0.key.hasSameBytes(as: key) }
    }
}

extension ValueObject: RandomAccessCollection {
    /// The first position: 0.
    public var startIndex: Int { 0 }
    /// The position after the last member.
    public var endIndex: Int { storage.count }
    /// The member at a position.
    public subscript(position: Int) -> Member { storage[position] }
}

extension ValueObject: Equatable {
    /// Whether both have the same names with the same values; the order does not count.
    public static func == (lhs: ValueObject, rhs: ValueObject) -> Bool {
        guard lhs.count == rhs.count else { return false }
        return lhs.allSatisfy { member in rhs[member.key] == member.value }
    }
}

extension ValueObject: ExpressibleByDictionaryLiteral {
    /// Makes an object; of equal keys the last one wins.
    public init(dictionaryLiteral elements: (String, Value)...) {
        self.init(elements)
    }
}
