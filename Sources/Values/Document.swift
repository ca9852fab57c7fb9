// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value in the bytes of some format, already checked, not yet decoded.
///
/// Whoever makes one has validated the bytes, so that nothing here can fail later, far from where the bytes came in.
public protocol EncodedDocument: AnyObject, Sendable {
    /// The whole value.
    func decode() -> Value

    /// One member of the outermost object without decoding the rest; nil when it is absent or the value is no object.
    func member(_ key: String) -> Value?
}

/// A value, or the bytes of one that are decoded when somebody looks.
///
/// A plugin that reads one field pays for one field, and a payload that nobody changed is sent on in the bytes it came in.
public struct Document: Sendable {
    private enum Storage: Sendable {
        case value(Value)
        case encoded(Lazy)
    }

    private var storage: Storage

    /// Makes a document of a value.
    public init(_ value: Value) {
        storage = .value(value)
    }

    /// Makes a document of an object.
    public init(object: ValueObject) {
        storage = .value(.object(object))
    }

    /// Makes a document of validated bytes, which are decoded when they are needed, once.
    public init(encoded: any EncodedDocument) {
        storage = .encoded(Lazy(encoded))
    }

    /// The whole value; decoded once, however often it is asked for.
    public var value: Value {
        switch storage {
        case .value(let value): value
        case .encoded(let lazy): lazy.value
        }
    }

    /// The bytes this document came in, as long as nobody has changed it.
    public var encoded: (any EncodedDocument)? {
        guard case .encoded(let lazy) = storage else { return nil }
        return lazy.encoded
    }

    /// The member with this key.
    ///
    /// Setting it changes this document only, and drops its encoded form.
    public subscript(key: String) -> Value? {
        get {
            switch storage {
            case .value(let value): value[key]
            case .encoded(let lazy): lazy.member(key)
            }
        }
        set {
            var object = value.objectValue ?? [:]
            storage = .value(.null)
            object[key] = newValue
            storage = .value(.object(object))
        }
    }
}

extension Document: Equatable {
    /// Whether both hold the same value.
    public static func == (lhs: Document, rhs: Document) -> Bool {
        if let left = lhs.encoded, let right = rhs.encoded, left === right { return true }
        return lhs.value == rhs.value
    }
}

extension Document: CustomStringConvertible {
    /// The value as compact JSON.
    public var description: String { value.description }
}

extension Document {
    /// The encoded form and, once somebody wanted all of it, the value; shared by the copies of a document.
    private final class Lazy: Sendable {
        let encoded: any EncodedDocument
        private let decoded = Mutex<Value?>(nil)

        init(_ encoded: any EncodedDocument) {
            self.encoded = encoded
        }

        var value: Value {
            decoded.withLock { decoded in
                if let decoded { return decoded }
                let value = encoded.decode()
                decoded = value
                return value
            }
        }

        func member(_ key: String) -> Value? {
            if let value = decoded.withLock({ $0 }) { return value[key] }
            return encoded.member(key)
        }
    }
}
