// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values
internal import Yams

/// Turns YAML text into a tree with lines.
///
/// Yams' nodes are read, not its decoded values: they carry the lines, and the text of numbers as it was written (`socket_mode:
/// 0600`). Its resolver is not used: what a plain scalar means is told by ``PlainScalar``.
struct YAMLReader {
    /// Bounds what aliases can multiply a file to.
    static let maximumNodes = 200_000

    private let environment: [String: String]
    private var nodes = 0

    /// Faults that do not keep the rest from being read: variables that are not set.
    private(set) var faults: [(line: Int, path: KeyPathText, message: String)] = []

    /// A fault that ends reading.
    struct Failure: Error {
        var line: Int?
        var path = KeyPathText.root
        var message: String
    }

    init(environment: [String: String]) {
        self.environment = environment
    }

    /// The tree; nil for a text without a document.
    mutating func read(_ text: String) throws(Failure) -> ConfigurationNode? {
        let root: Node?
        do {
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw Self.failure(error, text: text)
        } catch {
            throw Failure(message: "is no YAML: \(error)")
        }
        guard let root else { return nil }
        return try node(root, path: .root, depth: 1)
    }

    private mutating func node(_ node: Node, path: KeyPathText, depth: Int) throws(Failure) -> ConfigurationNode {
        let line = node.mark?.line ?? 1
        guard depth <= ValueLimits.maximumNesting else {
            throw Failure(
                line: line, path: path, message: "nests more than \(ValueLimits.maximumNesting) levels; flatten it")
        }
        nodes += 1
        guard nodes <= Self.maximumNodes else {
            throw Failure(
                line: line, path: path,
                message: "the file has more than \(Self.maximumNodes) values once its aliases are expanded; use fewer")
        }
        switch node {
        case .scalar(let scalar):
            return try self.scalar(scalar, line: line, path: path)
        case .sequence(let sequence):
            try checkTag(sequence.tag, allowed: [.seq], line: line, path: path)
            var elements: [ConfigurationNode] = []
            for (index, element) in sequence.enumerated() {
                elements.append(try self.node(element, path: path.index(index), depth: depth + 1))
            }
            return ConfigurationNode(content: .sequence(elements), line: line)
        case .mapping(let mapping):
            if let template = Self.unquotedTemplate(mapping) {
                return expanded(template, isPlain: true, line: line, path: path)
            }
            try checkTag(mapping.tag, allowed: [.map], line: line, path: path)
            return try self.mapping(mapping, line: line, path: path, depth: depth)
        case .alias:
            // The parser resolves aliases; a node of this kind is only ever made for writing.
            throw Failure(line: line, path: path, message: "holds an alias that was not resolved; write its value out")
        }
    }

    private mutating func mapping(
        _ mapping: Node.Mapping, line: Int, path: KeyPathText, depth: Int
    ) throws(Failure) -> ConfigurationNode {
        var members: [ConfigurationNode.Member] = []
        var merged: [ConfigurationNode.Member] = []
        var seen = ValueObject()
        for (keyNode, valueNode) in mapping {
            let keyLine = keyNode.mark?.line ?? line
            guard case .scalar(let keyScalar) = keyNode,
                !(keyScalar.style == .plain && PlainScalar.isNull(keyScalar.string))
            else { throw Failure(line: keyLine, path: path, message: "has a key that is no text; give it a name") }
            if keyScalar.style == .plain, keyScalar.string == "<<" {
                merged += try self.merged(valueNode, line: keyLine, path: path, depth: depth)
                continue
            }
            let key = expanded(keyScalar.string, isPlain: false, line: keyLine, path: path.key(keyScalar.string))
            guard case .scalar(let name, _) = key.content else { continue }
            guard seen.insert(.null, forNewKey: name) else {
                throw Failure(line: keyLine, path: path.key(name), message: "appears twice; keep one")
            }
            let value = try node(valueNode, path: path.key(name), depth: depth + 1)
            members.append(ConfigurationNode.Member(key: name, line: keyLine, value: value))
        }
        for member in merged where seen.insert(.null, forNewKey: member.key) { members.append(member) }
        return ConfigurationNode(content: .mapping(members), line: line)
    }

    /// The members of `<<: *anchor` or `<<: [*first, *second]`; of equal keys the first counts (YAML 1.1, merge key type).
    private mutating func merged(
        _ node: Node, line: Int, path: KeyPathText, depth: Int
    ) throws(Failure) -> [ConfigurationNode.Member] {
        let node = try self.node(node, path: path, depth: depth + 1)
        let parts = node.elements ?? [node]
        var members: [ConfigurationNode.Member] = []
        for part in parts {
            guard let more = part.members else {
                throw Failure(
                    line: line, path: path, message: "<< needs a mapping, or a list of them; name their anchors")
            }
            members += more
        }
        return members
    }

    private mutating func scalar(
        _ scalar: Node.Scalar, line: Int, path: KeyPathText
    ) throws(Failure) -> ConfigurationNode {
        try checkTag(scalar.tag, allowed: [.str, .int, .float, .bool, .null, .timestamp], line: line, path: path)
        // A tag decides, not the quotes: `!!int "3"` is a number, `!!str 3` is text.
        let tag = scalar.tag.rawValue
        let isText = [Tag.Name.str, .nonSpecific].contains { $0.rawValue == tag }
        let isPlain = tag == Tag.Name.implicit.rawValue ? scalar.style == .plain : !isText
        return expanded(scalar.string, isPlain: isPlain, line: line, path: path)
    }

    private mutating func expanded(_ text: String, isPlain: Bool, line: Int, path: KeyPathText) -> ConfigurationNode {
        do throws(EnvironmentTemplate.Failure) {
            let expansion = try EnvironmentTemplate.expand(text, environment: environment)
            return ConfigurationNode(
                content: .scalar(expansion.text, isPlain: isPlain), line: line,
                isFromEnvironment: expansion.usesEnvironment)
        } catch {
            faults.append((line, path, error.message))
            return ConfigurationNode(content: .scalar(text, isPlain: false), line: line, isFromEnvironment: true)
        }
    }

    private func checkTag(_ tag: Tag, allowed: [Tag.Name], line: Int, path: KeyPathText) throws(Failure) {
        let known = allowed + [.implicit, .nonSpecific]
        guard !known.contains(where: { $0.rawValue == tag.rawValue }) else { return }
        throw Failure(
            line: line, path: path, message: "has the tag \(tag.rawValue), which is not understood; remove it")
    }

    /// `{{ env.NAME }}` without quotes, which YAML takes for a mapping whose key is a mapping.
    private static func unquotedTemplate(_ mapping: Node.Mapping) -> String? {
        guard mapping.count == 1, let outer = mapping.first, case .mapping(let inner) = outer.key, isEmpty(outer.value),
            inner.count == 1, let pair = inner.first, case .scalar(let text) = pair.key, isEmpty(pair.value),
            text.string.hasPrefix("env.")
        else { return nil }
        return "{{ \(text.string) }}"
    }

    private static func isEmpty(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.string.isEmpty && scalar.style == .plain
    }
}
