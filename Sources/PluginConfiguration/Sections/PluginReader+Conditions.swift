// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

extension PluginReader {
    /// `conditions` of an entry.
    ///
    /// A field that none of the entry's hooks looks at would be ignored, and is an error.
    func readConditions(_ entry: SettingsSection, hooks: [HookName]) -> [PluginCondition] {
        entry.elements("conditions").map { path, node in
            let section = SettingsSection(entry.session, path: path, node: node, line: node.line)
            var condition = PluginCondition()
            condition.serverIDs = section.texts("server_ids")
            condition.tenantIDs = section.texts("tenant_ids")
            condition.tools = subject("tools", section, hooks, [.toolPreInvoke, .toolPostInvoke])
            condition.prompts = subject("prompts", section, hooks, [.promptPreFetch, .promptPostFetch])
            condition.resources = subject("resources", section, hooks, [.resourcePreFetch, .resourcePostFetch])
            condition.agents = subject("agents", section, hooks, [.agentPreInvoke, .agentPostInvoke])
            condition.userPatterns = section.texts("user_patterns")
            // Compared with a request's media type without its parameters, in lower case.
            condition.contentTypes = section.texts("content_types").map { text in
                let type = text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
                let words = type.split { $0 == " " || $0 == "\t" }
                return words.joined(separator: " ").lowercased()
            }
            section.finish()
            return condition
        }
    }

    private func subject(
        _ key: String, _ section: SettingsSection, _ hooks: [HookName], _ related: [HookName]
    ) -> [String] {
        let names = section.texts(key)
        let areKnown = hooks.allSatisfy { HookName.standard.contains($0) }
        guard !names.isEmpty, !hooks.isEmpty, areKnown, !hooks.contains(where: { related.contains($0) }) else {
            return names
        }
        let needed = related.map(\.rawValue).joined(separator: " or ")
        section.session.error(
            section.session.file(section.member(key)?.line), section.path.key(key),
            "no hook of this plugin looks at \(key); remove it, or add \(needed) to hooks")
        return names
    }
}

/// Reads `applied_to` of an entry into the shape in which `GetPluginConfig` answers it: every field, null where unset.
struct AppliedToReader {
    let section: SettingsSection

    func read() -> Value? {
        let applied = section.section("applied_to")
        guard applied.isPresent else { return nil }
        let value: Value = .object([
            "tools": templates("tools", naming: "tool_name", in: applied),
            "prompts": templates("prompts", naming: "prompt_name", in: applied),
            "resources": templates("resources", naming: "resource_uri", in: applied),
        ])
        applied.finish()
        return value
    }

    private func templates(_ key: String, naming nameKey: String, in applied: SettingsSection) -> Value {
        guard applied.member(key) != nil else { return .null }
        return .array(
            applied.elements(key).map { path, node in
                let section = SettingsSection(applied.session, path: path, node: node, line: node.line)
                let name = section.optional(nameKey, .name)
                if name == nil, section.isPresent, section.member(nameKey) == nil {
                    section.session.error(
                        section.source, path.key(nameKey), "is missing; name what the plugin applies to")
                }
                // Only looked at for what it is: extensions belong to plugins, whatever they hold.
                _ = section.section("extensions")
                let value: Value = .object([
                    "context": texts("context", section),
                    "extensions": section.member("extensions").map { $0.value.value } ?? .null,
                    nameKey: .string(name?.value ?? ""),
                    "fields": texts("fields", section),
                    "result": .bool(section.setting("result", .bool, default: false).value),
                ])
                section.finish()
                return value
            })
    }

    private func texts(_ key: String, _ section: SettingsSection) -> Value {
        guard section.member(key) != nil else { return .null }
        return .array(section.texts(key).map { .string($0) })
    }
}
