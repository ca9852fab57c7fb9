// SPDX-License-Identifier: Apache-2.0

internal import Values

/// A value of the file with its line, after anchors, merges and environment variables were resolved.
struct ConfigurationNode: Sendable {
    /// What it is.
    indirect enum Content: Sendable {
        /// Text. A plain one (not quoted) may mean a number, a truth value or null.
        case scalar(String, isPlain: Bool)
        /// A list.
        case sequence([ConfigurationNode])
        /// Members in the order of the file.
        case mapping([Member])
    }

    /// A key with its value.
    struct Member: Sendable {
        var key: String
        /// The line of the key, counted from 1.
        var line: Int
        var value: ConfigurationNode
    }

    var content: Content
    /// The line it begins on, counted from 1.
    var line: Int
    /// Whether any of its text came from the environment.
    var isFromEnvironment = false

    /// Whether it stands for nothing: `key:`, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, true) = content else { return false }
        return PlainScalar.isNull(text)
    }

    /// The members, if it is a mapping.
    var members: [Member]? {
        guard case .mapping(let members) = content else { return nil }
        return members
    }

    /// The elements, if it is a list.
    var elements: [ConfigurationNode]? {
        guard case .sequence(let elements) = content else { return nil }
        return elements
    }

    /// The texts of the elements, if it is a list of scalars.
    var scalarElements: [String]? {
        guard let elements else { return nil }
        var texts: [String] = []
        for element in elements {
            guard case .scalar(let text, _) = element.content, !element.isNull else { return nil }
            texts.append(text)
        }
        return texts
    }

    /// The member with this key, if it is a mapping that has one.
    func member(_ key: String) -> Member? {
        members?.first { $0.key.hasSameBytes(as: key) }
    }

    /// What it is, as errors name it.
    var kindDescription: String {
        switch content {
        case .scalar(let text, let isPlain): isPlain ? PlainScalar.value(of: text).kindDescription : "a string"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The data, by YAML 1.1's rules for plain scalars, which are PyYAML's.
    var value: Value {
        switch content {
        case .scalar(let text, let isPlain):
            return isPlain ? PlainScalar.value(of: text) : .string(text)
        case .sequence(let elements):
            return .array(elements.map(\.value))
        case .mapping(let members):
            return .object(ValueObject(members.map { ($0.key, $0.value.value) }))
        }
    }

    /// The places within this value whose text came from the environment, parts joined by dots.
    var environmentPaths: [String] {
        var paths: [String] = []
        collectEnvironmentPaths(prefix: "", into: &paths)
        return paths
    }

    private func collectEnvironmentPaths(prefix: String, into paths: inout [String]) {
        if isFromEnvironment { paths.append(prefix) }
        let dot = prefix.isEmpty ? "" : "\(prefix)."
        for member in members ?? [] {
            member.value.collectEnvironmentPaths(prefix: dot + member.key, into: &paths)
        }
        for (index, element) in (elements ?? []).enumerated() {
            element.collectEnvironmentPaths(prefix: "\(dot)\(index)", into: &paths)
        }
    }
}

extension ConfigurationNode {
    /// Finds the value at a dotted path ("words.3.search"), or the deepest one on the way to it that the file has.
    ///
    /// Keys may contain dots themselves: the longest key that fits wins.
    ///
    /// - Returns: The line to point at, and the path as errors write it, the part that the file lacks included.
    func locate(_ dotted: String, at line: Int, path: KeyPathText) -> (line: Int, path: KeyPathText) {
        guard !dotted.isEmpty else { return (line, path) }
        if let member = members?.filter({ Self.isPrefix($0.key, of: dotted) }).max(by: {
            $0.key.utf8.count < $1.key.utf8.count
        }) {
            let rest = String(decoding: dotted.utf8.dropFirst(member.key.utf8.count + 1), as: UTF8.self)
            return member.value.locate(rest, at: member.line, path: path.key(member.key))
        }
        let parts = dotted.split(separator: ".", maxSplits: 1).map(String.init)
        if let elements, let first = parts.first, let index = Int(first), elements.indices.contains(index) {
            let element = elements[index]
            return element.locate(parts.count > 1 ? parts[1] : "", at: element.line, path: path.index(index))
        }
        return (line, path.key(dotted))
    }

    private static func isPrefix(_ key: String, of dotted: String) -> Bool {
        let bytes = dotted.utf8
        guard !key.isEmpty, bytes.starts(with: key.utf8) else { return false }
        return bytes.count == key.utf8.count || bytes.dropFirst(key.utf8.count).first == UInt8(ascii: ".")
    }
}
