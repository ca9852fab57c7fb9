// SPDX-License-Identifier: Apache-2.0

internal import Values

/// Goes through a value and lets `visit` look at, and replace, each string in it. Keys stay as they are.
struct ValueWalker {
    /// How far it goes before it refuses.
    struct Limits {
        var depth = ValueLimits.maximumNesting
        var items = Int.max
    }

    /// Where a string is: the keys and indexes that lead to it.
    struct Path: CustomStringConvertible {
        enum Component {
            case key(String)
            case index(Int)
        }

        fileprivate(set) var components: [Component]

        init(_ root: String) { components = [.key(root)] }

        /// The innermost key, if a string is the value of one.
        var lastKey: String? {
            guard case .key(let key)? = components.last else { return nil }
            return key
        }

        /// As `args.items[3].text`.
        var description: String {
            var text = ""
            for component in components {
                switch component {
                case .key(let key): text += text.isEmpty ? key : ".\(key)"
                case .index(let index): text += "[\(index)]"
                }
            }
            return text
        }
    }

    var limits = Limits()

    /// The value with its strings replaced by what `visit` returns for them; nil when it returned nil for all.
    ///
    /// - Throws: what `visit` throws, or `TextLimitError` for a value beyond the limits.
    func rewrite(_ value: Value, at path: inout Path, _ visit: (String, Path) throws -> String?) throws -> Value? {
        switch value {
        case .string(let text):
            return try visit(text, path).map(Value.string)
        case .array(let elements):
            try check(count: elements.count, at: path)
            var changed: [Value]?
            for (index, element) in elements.enumerated() where element.holdsText {
                path.components.append(.index(index))
                if let new = try rewrite(element, at: &path, visit) {
                    if changed == nil { changed = elements }
                    changed?[index] = new
                }
                path.components.removeLast()
            }
            return changed.map(Value.array)
        case .object(let members):
            try check(count: members.count, at: path)
            return try rewrite(members: members, at: &path, visit).map(Value.object)
        case .null, .bool, .int, .double:
            return nil
        }
    }

    /// As `rewrite(_:at:_:)`, for the members of an object.
    func rewrite(
        members: ValueObject, at path: inout Path, _ visit: (String, Path) throws -> String?
    ) throws -> ValueObject? {
        var changed: ValueObject?
        for member in members where member.value.holdsText {
            path.components.append(.key(member.key))
            if let new = try rewrite(member.value, at: &path, visit) {
                if changed == nil { changed = members }
                changed?[member.key] = new
            }
            path.components.removeLast()
        }
        return changed
    }

    private func check(count: Int, at path: Path) throws {
        // The first component is the root, which counts as depth 0.
        guard path.components.count <= limits.depth else {
            throw TextLimitError("\(path) is nested deeper than \(limits.depth)")
        }
        guard count <= limits.items else {
            throw TextLimitError("\(path) has \(count) items, more than \(limits.items)")
        }
    }
}

/// A payload that is larger or deeper than a plugin looks at.
struct TextLimitError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description + "; raise the limit in the plugin's config or send less" }
}

extension Value {
    fileprivate var holdsText: Bool {
        switch self {
        case .string, .array, .object: true
        case .null, .bool, .int, .double: false
        }
    }
}
