// SPDX-License-Identifier: Apache-2.0

import Values

/// What conditions look at, put together once for a call and all its plugins.
struct ConditionInputs {
    /// What the payload that came in is about, and, if a plugin changed that, what the payload that goes on is about.
    ///
    /// A plugin is asked if its condition names either: one that guards what really goes on must not be passed by.
    var subjects: [String] = []
    var serverID: String?
    var tenantID: String?
    /// Without parameters, in lower case.
    var contentType: String?
    var user: String?
}

/// One object of `conditions` for one hook, ready to be matched without building anything.
///
/// A class, so that walking a chain does not copy it.
final class CompiledCondition: Sendable {
    private struct UserPattern: Sendable {
        let literal: String
        let search: PatternCompiler.Search?
    }

    private let serverIDs: NameSet
    private let tenantIDs: NameSet
    private let contentTypes: NameSet
    private let subjects: NameSet
    private let globs: [Glob]
    private let users: [UserPattern]

    /// What a call has to be examined for, so that nothing is looked up that no condition wants.
    var looksAtSubject: Bool { !subjects.isEmpty }
    var looksAtContentType: Bool { !contentTypes.isEmpty }
    var looksAtUser: Bool { !users.isEmpty }

    /// Prepares a condition.
    ///
    /// - Throws: `ConditionFault` naming the key of what can never match or does not compile.
    init(_ condition: PluginCondition, hook: HookName, patterns: PatternCompiler?) throws(ConditionFault) {
        serverIDs = try Self.names(condition.serverIDs, "server_ids")
        tenantIDs = try Self.names(condition.tenantIDs, "tenant_ids")
        contentTypes = try Self.names(condition.contentTypes.map { mediaType(of: $0) }, "content_types")
        let subject = HookSubject(hook)
        let about = subject?.names(in: condition) ?? []
        subjects = try Self.names(about, subject?.rawValue ?? "")
        globs = subject == .resources ? about.map { Glob($0) } : []
        var users: [UserPattern] = []
        for (index, pattern) in condition.userPatterns.enumerated() {
            users.append(try Self.user(pattern, "user_patterns.\(index)", patterns))
        }
        self.users = users
    }

    private static func names(_ names: [String], _ key: String) throws(ConditionFault) -> NameSet {
        if let index = names.firstIndex(where: \.isEmpty) {
            throw ConditionFault(key: "\(key).\(index)", message: "an empty text never matches; remove it")
        }
        return NameSet(names)
    }

    private static func user(
        _ pattern: String, _ key: String, _ patterns: PatternCompiler?
    ) throws(ConditionFault) -> UserPattern {
        // A text without special characters means itself, and needs no engine.
        let special = Array(#"\.^$*+?{}[]|()"#.utf8)
        guard pattern.utf8.contains(where: { special.contains($0) }) else {
            return UserPattern(literal: pattern, search: nil)
        }
        guard let patterns else {
            throw ConditionFault(
                key: key,
                message:
                    "this pipeline was made without regular expressions; give it a PatternCompiler, or use plain text")
        }
        do {
            return UserPattern(literal: pattern, search: try patterns.compile(pattern))
        } catch {
            throw ConditionFault(key: key, message: "is not a regular expression: \(error)")
        }
    }

    /// Whether everything that is set matches.
    ///
    /// A pattern that cannot be decided counts as matching: the plugin is asked rather than passed by.
    func matches(_ inputs: ConditionInputs) -> Bool {
        serverIDs.allows(inputs.serverID) && tenantIDs.allows(inputs.tenantID)
            && contentTypes.allows(inputs.contentType) && matchesSubject(inputs.subjects) && matchesUser(inputs.user)
    }

    private func matchesSubject(_ texts: [String]) -> Bool {
        guard !subjects.isEmpty else { return true }
        return texts.contains { text in
            subjects.contains(text) || globs.contains { $0.matches(text) }
        }
    }

    private func matchesUser(_ user: String?) -> Bool {
        guard !users.isEmpty else { return true }
        guard let user, !user.isEmpty else { return false }
        return users.contains { pattern in
            if user.containsBytes(of: pattern.literal) { return true }
            guard let search = pattern.search else { return false }
            return (try? search(user)) ?? true
        }
    }
}

/// A condition that can never match.
struct ConditionFault: Error {
    /// The key within the condition, such as `user_patterns.1`.
    let key: String
    let message: String
}

/// A media type without its parameters, in lower case.
func mediaType(of text: String) -> String {
    let type = text.utf8.prefix { $0 != UInt8(ascii: ";") }
    let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    var bytes = type.drop(while: isSpace)
    while let last = bytes.last, isSpace(last) { bytes = bytes.dropLast() }
    return String(decoding: bytes.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }, as: UTF8.self)
}

extension String {
    /// Whether the bytes of another text occur in this one.
    fileprivate func containsBytes(of other: String) -> Bool {
        var text = self
        var other = other
        return text.withUTF8 { text in
            other.withUTF8 { other in
                guard other.count <= text.count else { return false }
                guard let first = other.first else { return true }
                for start in 0...(text.count - other.count) where text[start] == first {
                    if text[start..<(start + other.count)].elementsEqual(other) { return true }
                }
                return false
            }
        }
    }
}
