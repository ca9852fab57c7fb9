// SPDX-License-Identifier: Apache-2.0

import Values

/// Checks data against a JSON Schema, as far as plugins could break it: types, required and forbidden members, choices, bounds.
///
/// Keywords that are not known here are passed over, as the specification of JSON Schema has it; a `$ref` that leaves the schema is
/// not followed (MCP forbids to fetch it), and what it would check counts as right.
struct SchemaCheck: Sendable {
    private static let maximumDepth = 100

    private let root: Value
    /// A schema comes from an upstream, and could take longer than the world lasts.
    private var stepsLeft = 100_000

    init(_ schema: Value) {
        root = schema
    }

    /// What is wrong with the data; nil when nothing is.
    func complaint(about data: Value) -> String? {
        var check = self
        return check.complaint(data, root, path: "", depth: 0)
    }

    private mutating func complaint(_ data: Value, _ schema: Value, path: String, depth: Int) -> String? {
        if schema.boolValue == false { return "\(Self.place(path)) is not allowed" }
        guard case .object(let rules) = schema else { return nil }
        stepsLeft -= 1
        guard depth < Self.maximumDepth, stepsLeft > 0 else {
            return "\(Self.place(path)) is too much to be checked against this schema"
        }
        if let reference = rules["$ref"]?.stringValue, let target = resolve(reference),
            let complaint = complaint(data, target, path: path, depth: depth + 1)
        {
            return complaint
        }
        return typeComplaint(data, rules, path) ?? choiceComplaint(data, rules, path)
            ?? boundComplaint(data, rules, path) ?? combinedComplaint(data, rules, path, depth)
            ?? memberComplaint(data, rules, path, depth) ?? elementComplaint(data, rules, path, depth)
    }

    private static func place(_ path: String) -> String { path.isEmpty ? "it" : path }

    /// Only what lies within the schema: `#/$defs/name`.
    private func resolve(_ reference: String) -> Value? {
        guard reference.utf8.first == UInt8(ascii: "#") else { return nil }
        var value = root
        for part in reference.utf8.dropFirst().split(separator: UInt8(ascii: "/")) {
            var key = ""
            var rest = String(decoding: part, as: UTF8.self)[...]
            while let tilde = rest.firstIndex(of: "~") {
                key += rest[..<tilde]
                let next = rest.index(after: tilde)
                key += next < rest.endIndex && rest[next] == "1" ? "/" : "~"
                rest = next < rest.endIndex ? rest[rest.index(after: next)...] : ""
            }
            key += rest
            if let element = value.arrayValue, let index = Int(key), element.indices.contains(index) {
                value = element[index]
            } else if let member = value[key] {
                value = member
            } else {
                return nil
            }
        }
        return value
    }

    private func typeComplaint(_ data: Value, _ rules: ValueObject, _ path: String) -> String? {
        let types: [String]
        switch rules["type"] {
        case .string(let type)?: types = [type]
        case .array(let several)?: types = several.compactMap(\.stringValue)
        default: return nil
        }
        guard !types.contains(where: { Self.isType($0, data) }) else { return nil }
        return "\(Self.place(path)) is \(data.kindDescription), not \(types.joined(separator: " or "))"
    }

    private static func isType(_ type: String, _ data: Value) -> Bool {
        switch type {
        case "null": data.isNull
        case "boolean": data.boolValue != nil
        case "integer": data.intValue != nil
        case "number": data.doubleValue != nil
        case "string": data.stringValue != nil
        case "array": data.arrayValue != nil
        case "object": data.objectValue != nil
        default: true
        }
    }

    private func choiceComplaint(_ data: Value, _ rules: ValueObject, _ path: String) -> String? {
        if let constant = rules["const"], constant != data { return "\(Self.place(path)) is not \(constant)" }
        if let choices = rules["enum"]?.arrayValue, !choices.contains(data) {
            return "\(Self.place(path)) is none of the values in enum"
        }
        return nil
    }

    private func boundComplaint(_ data: Value, _ rules: ValueObject, _ path: String) -> String? {
        func broken(_ key: String, _ size: Double, _ holds: (Double, Double) -> Bool) -> String? {
            guard let bound = rules[key]?.doubleValue, !holds(size, bound) else { return nil }
            return "\(Self.place(path)) breaks \(key)"
        }
        switch data {
        case .int, .double:
            let number = data.doubleValue ?? 0
            return broken("minimum", number, >=) ?? broken("maximum", number, <=)
                ?? broken("exclusiveMinimum", number, >) ?? broken("exclusiveMaximum", number, <)
        case .string(let text):
            let length = Double(text.unicodeScalars.count)
            return broken("minLength", length, >=) ?? broken("maxLength", length, <=)
        case .array(let elements):
            return broken("minItems", Double(elements.count), >=) ?? broken("maxItems", Double(elements.count), <=)
        case .object(let members):
            return broken("minProperties", Double(members.count), >=)
                ?? broken("maxProperties", Double(members.count), <=)
        default:
            return nil
        }
    }

    private mutating func combinedComplaint(
        _ data: Value, _ rules: ValueObject, _ path: String, _ depth: Int
    ) -> String? {
        func fits(_ schema: Value) -> Bool { complaint(data, schema, path: path, depth: depth + 1) == nil }
        for schema in rules["allOf"]?.arrayValue ?? [] {
            if let complaint = complaint(data, schema, path: path, depth: depth + 1) { return complaint }
        }
        if let choices = rules["anyOf"]?.arrayValue, !choices.isEmpty, !choices.contains(where: fits) {
            return "\(Self.place(path)) fits none of anyOf"
        }
        if let choices = rules["oneOf"]?.arrayValue, !choices.isEmpty, choices.count(where: fits) != 1 {
            return "\(Self.place(path)) does not fit exactly one of oneOf"
        }
        if let excluded = rules["not"], fits(excluded) { return "\(Self.place(path)) fits what not excludes" }
        return nil
    }

    private mutating func memberComplaint(_ data: Value, _ rules: ValueObject, _ path: String, _ depth: Int) -> String?
    {
        guard case .object(let members) = data else { return nil }
        for name in rules["required"]?.arrayValue ?? [] {
            if let name = name.stringValue, !members.contains(name) {
                return "\(path.isEmpty ? "" : path + ".")\(name) is missing"
            }
        }
        let properties = rules["properties"]?.objectValue ?? [:]
        for member in members {
            let place = path.isEmpty ? member.key : "\(path).\(member.key)"
            if let schema = properties[member.key] {
                if let complaint = complaint(member.value, schema, path: place, depth: depth + 1) { return complaint }
            } else if rules["patternProperties"] == nil, let schema = rules["additionalProperties"],
                let complaint = complaint(member.value, schema, path: place, depth: depth + 1)
            {
                return complaint
            }
        }
        return nil
    }

    private mutating func elementComplaint(_ data: Value, _ rules: ValueObject, _ path: String, _ depth: Int) -> String?
    {
        guard case .array(let elements) = data else { return nil }
        let first = rules["prefixItems"]?.arrayValue ?? []
        for (index, element) in elements.enumerated() {
            guard let schema = index < first.count ? first[index] : rules["items"] else { continue }
            if let complaint = complaint(element, schema, path: "\(path)[\(index)]", depth: depth + 1) {
                return complaint
            }
        }
        return nil
    }
}
