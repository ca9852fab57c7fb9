// SPDX-License-Identifier: Apache-2.0

public import Values

/// What a hook hands to a plugin, or what a plugin hands back: a thin, typed view of a ``Document``.
///
/// A view checks on creation that the fields it promises are there and of their type; the rest of the document is carried along
/// untouched, known or not.
public protocol HookPayload: Sendable {
    /// The data behind the view.
    var document: Document { get }

    /// Makes a view of a document.
    ///
    /// - Throws: ``ValueError`` naming the field that is missing or of the wrong type.
    init(document: Document) throws(ValueError)
}

extension Document {
    /// A required string.
    package func requireString(_ key: String) throws(ValueError) {
        guard let value = self[key] else {
            throw ValueError(.missing, "is required and must be a string", path: key)
        }
        guard case .string = value else {
            throw ValueError(.type, "must be a string, not \(value.kindDescription)", path: key)
        }
    }

    /// A required member of any type.
    package func requireMember(_ key: String) throws(ValueError) {
        guard self[key] != nil else { throw ValueError(.missing, "is required", path: key) }
    }

    /// A member that is an object, null or absent.
    package func checkObject(_ key: String) throws(ValueError) {
        switch self[key] {
        case nil, .null?, .object?: return
        case let value?: throw ValueError(.type, "must be an object, not \(value.kindDescription)", path: key)
        }
    }

    /// A member that is an object whose values are all strings, null or absent.
    package func checkStrings(_ key: String, required: Bool = false) throws(ValueError) {
        switch self[key] {
        case nil, .null?:
            guard !required else {
                throw ValueError(.missing, "is required and must be an object of strings", path: key)
            }
        case .object(let object)?:
            for member in object where member.value.stringValue == nil {
                throw ValueError(
                    .type, "must be a string, not \(member.value.kindDescription)", path: "\(key).\(member.key)")
            }
        case let value?:
            throw ValueError(.type, "must be an object of strings, not \(value.kindDescription)", path: key)
        }
    }

    /// A member that is a string, null or absent.
    package func checkString(_ key: String) throws(ValueError) {
        switch self[key] {
        case nil, .null?, .string?: return
        case let value?: throw ValueError(.type, "must be a string, not \(value.kindDescription)", path: key)
        }
    }

    /// A member that is an integer, null or absent.
    package func checkInteger(_ key: String) throws(ValueError) {
        guard let value = self[key], !value.isNull else { return }
        guard value.intValue != nil else {
            throw ValueError(.type, "must be an integer, not \(value.kindDescription)", path: key)
        }
    }

    /// A member that is an array, null or absent.
    package func checkArray(_ key: String, required: Bool = false) throws(ValueError) {
        switch self[key] {
        case nil, .null?:
            guard !required else { throw ValueError(.missing, "is required and must be an array", path: key) }
        case .array?: return
        case let value?: throw ValueError(.type, "must be an array, not \(value.kindDescription)", path: key)
        }
    }
}
