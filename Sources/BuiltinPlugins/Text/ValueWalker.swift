// SPDX-License-Identifier: Apache-2.0

internal import Values

/// Goes through a value and lets a visitor look at, and replace, each string in it.
///
/// Keys stay as they are, but can be looked at.
struct ValueWalker {
    /// How far it goes before it refuses.
    struct Limits {
        var depth = ValueLimits.maximumNesting
        var items = Int.max
    }

    /// What is done with the parts of a value.
    struct Visitor {
        /// Looks at a string, and returns what takes its place; nil to leave it.
        var string: (String, Path) throws -> String?
        /// Looks at a number, and returns what takes its place; nil to leave it.
        var number: ((Value, Path) throws -> Value?)?
        /// Looks at a key of the object at a path, and returns how paths show it; nil for as it is.
        var key: ((String, Path) throws -> String?)?
    }

    /// Where a string is: the keys and indexes that lead to it.
    struct Path: CustomStringConvertible {
        enum Component {
            case key(String)
            case index(Int)
        }

        fileprivate(set) var components: [Component]

        init(_ root: String) { components = [.key(root)] }

        /// The path with `component` in place of a key that must not be shown.
        func appending(_ component: String) -> Path {
            var path = self
            path.components.append(.key(component))
            return path
        }

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
        try withoutActuallyEscaping(visit) { visit in
            try rewrite(value, at: &path, visitor: Visitor(string: visit))
        }
    }

    /// As `rewrite(_:at:_:)`, for numbers and keys too.
    func rewrite(_ value: Value, at path: inout Path, visitor: Visitor) throws -> Value? {
        switch value {
        case .string(let text):
            return try visitor.string(text, path).map(Value.string)
        case .array(let elements):
            try check(count: elements.count, at: path)
            var changed: [Value]?
            for (index, element) in elements.enumerated() where visitor.wants(element) {
                path.components.append(.index(index))
                if let new = try rewrite(element, at: &path, visitor: visitor) {
                    if changed == nil { changed = elements }
                    changed?[index] = new
                }
                path.components.removeLast()
            }
            return changed.map(Value.array)
        case .object(let members):
            try check(count: members.count, at: path)
            return try rewrite(members: members, at: &path, visitor).map(Value.object)
        case .int, .double:
            return try visitor.number?(value, path)
        case .null, .bool:
            return nil
        }
    }

    private func rewrite(
        members: ValueObject, at path: inout Path, _ visitor: Visitor
    ) throws -> ValueObject? {
        var changed: ValueObject?
        for member in members {
            let shown = try visitor.key?(member.key, path)
            guard visitor.wants(member.value) else { continue }
            path.components.append(.key(shown ?? member.key))
            if let new = try rewrite(member.value, at: &path, visitor: visitor) {
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

    init(_ description: String) {
        self.description = description + "; raise the limit in the plugin's config or send less"
    }
}

extension ValueWalker.Visitor {
    fileprivate func wants(_ value: Value) -> Bool {
        switch value {
        case .string, .array, .object: true
        case .int, .double: number != nil
        case .null, .bool: false
        }
    }
}
