// SPDX-License-Identifier: Apache-2.0

/// A JSON-like value: what payloads, results, contexts and configuration are made of.
///
/// Integers stay integers and objects keep the order in which their members were received, so that a value that nobody
/// changes leaves as it came. Equality compares text as UTF-8 bytes, never by canonical equivalence, and tells an
/// integer from a double.
public enum Value: Sendable {
    /// JSON `null`.
    case null
    /// JSON `true` or `false`.
    case bool(Bool)
    /// A whole number within 64 bits.
    case int(Int64)
    /// Any other finite number.
    case double(Double)
    /// Unicode text.
    case string(String)
    /// An ordered list.
    case array([Value])
    /// Members in the order in which they were received, each key once.
    case object(ValueObject)
}

extension Value: Equatable {
    /// Compares structure and content; text by its UTF-8 bytes, objects without regard to the order of their members.
    public static func == (lhs: Value, rhs: Value) -> Bool {
        switch (lhs, rhs) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension Value {
    /// The truth value, if this is one.
    public var boolValue: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The whole number, if this is an integer or a double without a fraction that fits in 64 bits.
    public var intValue: Int64? {
        switch self {
        case .int(let value): value
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The number as a double, if this is a number; integers beyond 2^53 are rounded.
    public var doubleValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The text, if this is a string.
    public var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The elements, if this is an array.
    public var arrayValue: [Value]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    /// The members, if this is an object.
    public var objectValue: ValueObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        guard case .null = self else { return false }
        return true
    }

    /// The member with this key; nil when it is absent or when this is not an object.
    public subscript(key: String) -> Value? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// What kind of value this is, as error messages name it: "null", "a boolean", "an integer", "a number",
    /// "a string", "an array" or "an object".
    public var kindDescription: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Makes `null`.
    public init(nilLiteral: ()) { self = .null }
    /// Makes a boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Makes an integer.
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// Makes a double.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// Makes a string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Makes an array.
    public init(arrayLiteral elements: Value...) { self = .array(elements) }
    /// Makes an object; of equal keys the last one wins.
    public init(dictionaryLiteral elements: (String, Value)...) {
        self = .object(ValueObject(elements))
    }
}

extension Value: CustomStringConvertible {
    /// The value as compact JSON; non-finite numbers, which JSON cannot say, as `null`.
    public var description: String {
        var writer = JSONWriter(nonFinite: .null)
        writer.write(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
