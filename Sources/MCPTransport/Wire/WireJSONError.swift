// SPDX-License-Identifier: Apache-2.0

import Values

/// What is wrong with JSON that the plugin contract does not allow, or cannot say.
struct WireJSONError: Error, Equatable, CustomStringConvertible {
    /// Which member it is about, from the outside in.
    var path: [String]
    /// What is wrong with it.
    let complaint: String

    init(_ complaint: String, path: [String] = []) {
        self.complaint = complaint
        self.path = path
    }

    var description: String { path.isEmpty ? complaint : "\(path.joined(separator: ".")) \(complaint)" }

    /// The same for a member of another object.
    func inside(_ key: String) -> WireJSONError {
        var copy = self
        copy.path.insert(key, at: 0)
        return copy
    }
}

extension EncodedJSON {
    /// What kind of value it is.
    enum Kind {
        case null, bool, number, string, array, object

        var description: String {
            switch self {
            case .null: "null"
            case .bool: "a boolean"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        }
    }

    var kind: Kind {
        withBytes { bytes in
            switch bytes.first {
            case UInt8(ascii: "{"): .object
            case UInt8(ascii: "["): .array
            case UInt8(ascii: "\""): .string
            case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
            case UInt8(ascii: "n"): .null
            default: .number
            }
        }
    }

    /// The member, if it is there and not null, of one of the kinds.
    func member(_ key: String, _ kinds: Kind...) throws(WireJSONError) -> EncodedJSON? {
        guard let member = encodedMember(key) else { return nil }
        let kind = member.kind
        if kind == .null { return nil }
        guard kinds.contains(kind) else {
            let expected = kinds.map(\.description).joined(separator: " or ")
            throw WireJSONError("must be \(expected), not \(kind.description)", path: [key])
        }
        return member
    }

    /// The text of a member that must be there.
    func text(_ key: String) throws(WireJSONError) -> String {
        guard let text = try member(key, .string)?.decode().stringValue else {
            throw WireJSONError("is required and must be a string", path: [key])
        }
        return text
    }

    /// The whole number of a member, if it is there.
    func integer(_ key: String) throws(WireJSONError) -> Int? {
        guard let value = try member(key, .number)?.decode() else { return nil }
        guard let number = value.intValue else { throw WireJSONError("must be a whole number", path: [key]) }
        return Int(number)
    }

    /// The object of a member, if it is there.
    func object(_ key: String) throws(WireJSONError) -> ValueObject? {
        try member(key, .object)?.decode().objectValue
    }

    /// An object whose members are strings, if it is there.
    func headers(_ key: String) throws(WireJSONError) -> ValueObject? {
        guard let headers = try object(key) else { return nil }
        for header in headers where header.value.stringValue == nil {
            throw WireJSONError("must be a string", path: [key, header.key])
        }
        return headers
    }
}
