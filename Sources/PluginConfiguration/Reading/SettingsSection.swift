// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// One mapping of the file, read key by key; what was never asked for is unknown.
final class SettingsSection {
    let session: LoadSession
    let path: KeyPathText
    /// The line of the section's key.
    let line: Int?
    /// Whether the file has it.
    let isPresent: Bool
    /// Whether values read are part of the report.
    var isRecording = true
    private let members: [ConfigurationNode.Member]
    private var asked: Set<String> = []

    /// Reads a node; nil, null and (with an error) everything but a mapping count as an empty mapping.
    init(_ session: LoadSession, path: KeyPathText, node: ConfigurationNode?, line: Int?) {
        self.session = session
        self.path = path
        self.line = line
        isPresent = node.map { !$0.isNull } ?? false
        members = node?.members ?? []
        if let node, isPresent, node.members == nil {
            session.error(session.file(line), path, "is \(node.kindDescription); give a mapping (`key: value`)")
        }
    }

    /// Where the section is, for faults of the whole.
    var source: SettingSource { session.file(line) }

    /// The member with this key; nil when it is absent or null.
    func member(_ key: String) -> ConfigurationNode.Member? {
        asked.insert(key)
        guard let member = members.first(where: { $0.key.hasSameBytes(as: key) }), !member.value.isNull else {
            return nil
        }
        return member
    }

    /// The keys that the file has here, in its order.
    var keys: [String] { members.map(\.key) }

    /// A section within this one.
    func section(_ key: String) -> SettingsSection {
        let member = member(key)
        return SettingsSection(session, path: path.key(key), node: member?.value, line: member?.line ?? line)
    }

    /// A setting that has a default.
    ///
    /// - Parameters:
    ///   - variables: Environment variables that set it; of several the first that is set counts.
    ///   - flag: A command line flag that sets it, with its text; nil text for a flag that was not given.
    func setting<T>(
        _ key: String, _ kind: SettingKind<T>, default fallback: T, variables: [String] = [],
        flag: (name: String, text: String?)? = nil
    ) -> Sourced<T> {
        let found = find(key, kind, variables: variables, flag: flag) ?? Sourced(value: fallback, source: .defaultValue)
        record(key, kind.show(found.value), found.source)
        return found
    }

    /// A setting that may be absent.
    func optional<T>(
        _ key: String, _ kind: SettingKind<T>, variables: [String] = [], flag: (name: String, text: String?)? = nil
    ) -> Sourced<T>? {
        let found = find(key, kind, variables: variables, flag: flag)
        record(key, found.map { kind.show($0.value) } ?? .null, found?.source ?? .defaultValue)
        return found
    }

    /// A list of texts; empty when absent.
    func texts(_ key: String, default fallback: [String] = []) -> [String] {
        guard let member = member(key) else {
            record(key, .array(fallback.map { .string($0) }), .defaultValue)
            return fallback
        }
        let path = path.key(key)
        guard let elements = member.value.elements else {
            session.error(
                session.file(member.line), path, "is \(member.value.kindDescription); give a list (`[first, second]`)")
            return fallback
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            if case .scalar(let text, _) = element.content, !element.isNull {
                texts.append(text)
            } else {
                session.error(
                    session.file(element.line), path.index(index), "is \(element.kindDescription); give text")
            }
        }
        record(key, .array(texts.map { .string($0) }), session.file(member.line))
        return texts
    }

    /// The elements of a list; empty when absent.
    func elements(_ key: String) -> [(path: KeyPathText, node: ConfigurationNode)] {
        guard let member = member(key) else { return [] }
        guard let elements = member.value.elements else {
            session.error(
                session.file(member.line), path.key(key),
                "is \(member.value.kindDescription); give a list (each element begins with `- `)")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            let path = path.key(key).index(index)
            guard element.isNull else { return (path, element) }
            session.error(session.file(element.line), path, "is empty; give a mapping (`key: value`), or remove it")
            return nil
        }
    }

    /// Allows keys that begin with `x-`, which hold what anchors elsewhere refer to.
    func allowExtensions() {
        for member in members where member.key.hasPrefix("x-") { asked.insert(member.key) }
    }

    /// Reports the keys that nobody asked for.
    func finish() {
        for member in members where !asked.contains(where: { $0.hasSameBytes(as: member.key) }) {
            let advice =
                member.key.closestMatch(among: asked).map { "did you mean \"\($0)\"?" }
                ?? "known keys are \(asked.filter { !$0.hasPrefix("x-") }.sorted { $0.precedesInBytes($1) }.joined(separator: ", "))"
            let path = path.key(member.key)
            if session.overrides.lenient {
                session.warn(session.file(member.line), path, "unknown key, ignored; \(advice)")
            } else {
                session.error(session.file(member.line), path, "unknown key; \(advice)")
            }
        }
    }

    /// Notes a value for the report.
    func record(_ key: String, _ value: Value, _ source: SettingSource) {
        guard isRecording else { return }
        let fromEnvironment = members.first { $0.key.hasSameBytes(as: key) }?.value.environmentPaths.isEmpty == false
        var isSecret = session.mask.hides(value, under: key)
        if case .file = source, fromEnvironment { isSecret = true }
        session.record(path.key(key), value, source, isSecret: isSecret)
    }

    /// A list of numbers; nil when absent.
    func numbers(_ key: String, _ noun: String, in range: ClosedRange<Int>) -> [Int]? {
        guard member(key) != nil else {
            record(key, .null, .defaultValue)
            return nil
        }
        let kind = SettingKind<Int>.integer(noun, in: range)
        return elements(key).compactMap { path, node in
            guard case .scalar(let text, _) = node.content else {
                session.error(session.file(node.line), path, "is \(node.kindDescription), not \(noun); \(kind.advice)")
                return nil
            }
            guard let number = kind.parse(text) else {
                session.error(session.file(node.line), path, kind.fault(text, isSecret: false))
                return nil
            }
            session.record(path, .int(Int64(number)), session.file(node.line), isSecret: false)
            return number
        }
    }

    /// Looks in every source, so that a value that another overrides is checked as well, and returns the one that counts.
    private func find<T>(
        _ key: String, _ kind: SettingKind<T>, variables: [String], flag: (name: String, text: String?)?
    ) -> Sourced<T>? {
        var found: Sourced<T>?
        let isSecret = session.mask.isSecret(key: key)
        func take(_ text: String, _ source: SettingSource, hides: Bool) {
            if let value = kind.parse(text) {
                found = Sourced(value: value, source: source)
            } else {
                session.error(source, path.key(key), kind.fault(text, isSecret: hides))
            }
        }
        if let member = member(key) {
            if case .scalar(let text, _) = member.value.content {
                take(text, session.file(member.line), hides: isSecret || member.value.isFromEnvironment)
            } else if kind.takesList, let texts = member.value.scalarElements {
                take(texts.joined(separator: ","), session.file(member.line), hides: isSecret)
            } else {
                session.error(
                    session.file(member.line), path.key(key),
                    "is \(member.value.kindDescription), not \(kind.noun); \(kind.advice)")
            }
        }
        if let variable = variables.first(where: { session.environment[$0] != nil }) {
            take(session.environment[variable] ?? "", .environment(variable), hides: isSecret)
        }
        if let flag, let text = flag.text { take(text, .commandLine(flag.name), hides: isSecret) }
        return found
    }
}
