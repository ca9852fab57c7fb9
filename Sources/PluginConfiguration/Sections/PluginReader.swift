// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `plugins`.
struct PluginReader {
    let root: SettingsSection
    /// The kinds that can be loaded; nil for not to check.
    let kinds: [String]?
    /// The hooks that exist; nil for not to check.
    let hooks: [HookName]?

    private var session: LoadSession { root.session }

    /// The entries that could be read; the faults of the others are reported.
    func read() -> [PluginEntry] {
        var entries: [PluginEntry] = []
        var lines: [String: Int] = [:]
        for (path, node) in root.elements("plugins") {
            let section = SettingsSection(session, path: path, node: node, line: node.line)
            guard let entry = read(section, node) else { continue }
            let name = entry.name.lowercased()
            let line = section.member("name")?.line ?? node.line
            if let first = lines[name] {
                session.error(
                    session.file(line), path.key("name"),
                    "\"\(entry.name)\" is the name of another plugin (line \(first)), upper and lower case being the same; "
                        + "give it another")
            } else {
                lines[name] = line
            }
            entries.append(entry)
        }
        return entries
    }

    private func read(_ section: SettingsSection, _ node: ConfigurationNode) -> PluginEntry? {
        let mode = section.setting("mode", Self.modeKind, default: PluginMode.enforce)
        let name = required("name", section)
        let kind = required("kind", section)
        var entry = PluginEntry(name: name?.value ?? "", kind: kind?.value ?? "")
        entry.mode = mode.value
        readDescription(section, &entry)
        entry.hooks = readHooks(section)
        entry.conditions = readConditions(section, hooks: entry.hooks)
        entry.appliedTo = AppliedToReader(section: section).read()
        readConfig(section, &entry)
        entry.external = ExternalReader(entry: section).read(isExternal: kind?.value == "external")
        if entry.external != nil {
            entry.secretConnectionPaths += connectionPaths(node)
            entry.configuredKeys = Set((node.members ?? []).map(\.key))
        }
        if let kind, kind.value != "external" { checkKind(kind, section.path, isEnabled: entry.isEnabled) }
        section.finish()
        if !entry.isEnabled {
            // A plugin that is not loaded needs neither its hooks nor its variables.
            session.demoteErrors(below: section.path) { diagnostic in
                diagnostic.message.hasPrefix("unknown hook") || diagnostic.message.hasPrefix("the environment variable")
                    || diagnostic.message.hasPrefix("no hook of this plugin")
            }
        }
        return name == nil || kind == nil ? nil : entry
    }

    private func required(_ key: String, _ section: SettingsSection) -> Sourced<String>? {
        if let found = section.optional(key, .name) { return found }
        if section.isPresent, section.member(key) == nil {
            session.error(section.source, section.path.key(key), "is missing; every plugin has one")
        }
        return nil
    }

    private static var modeKind: SettingKind<PluginMode> { .choice("a mode") }

    private func readDescription(_ section: SettingsSection, _ entry: inout PluginEntry) {
        entry.description = section.optional("description", .text)?.value
        entry.author = section.optional("author", .text)?.value
        entry.version = section.optional("version", .text)?.value
        entry.namespace = section.optional("namespace", .text)?.value
        entry.tags = section.texts("tags")
        entry.priority =
            section.setting("priority", .integer(in: -1_000_000...1_000_000), default: entry.priority).value
        entry.errorPolicy = section.optional("on_error", .choice("an on_error"))?.value
        entry.timeout = section.optional("timeout", .seconds)?.value
        entry.receivesCredentials =
            section.setting("receives_credentials", .bool, default: entry.receivesCredentials).value
        for key in ["description", "author", "version", "namespace"]
        where section.member(key)?.value.isFromEnvironment == true {
            entry.secretConnectionPaths.append(key)
        }
        // Keys of cpex that limit what its own plugins see; our plugins get payloads without those extensions.
        for key in ["capabilities", "max_content_size"] {
            guard let member = section.member(key) else { continue }
            session.warn(
                session.file(member.line), section.path.key(key),
                "is for cpex's Python plugins and has no effect here; remove it")
        }
    }

    private func readHooks(_ section: SettingsSection) -> [HookName] {
        let names = section.texts("hooks").map { HookName(rawValue: $0) }
        guard let hooks, let elements = section.member("hooks")?.value.elements, elements.count == names.count
        else { return names }
        let path = section.path.key("hooks")
        for (index, name) in names.enumerated() where !hooks.contains(name) {
            let advice =
                name.rawValue.closestMatch(among: hooks.map(\.rawValue)).map { "did you mean \"\($0)\"?" }
                ?? "known hooks are \(hooks.map(\.rawValue).joined(separator: ", "))"
            session.error(
                session.file(elements[index].line), path.index(index), "unknown hook \"\(name)\"; \(advice)")
        }
        return names
    }

    private func readConfig(_ section: SettingsSection, _ entry: inout PluginEntry) {
        guard let member = section.member("config") else { return }
        let path = section.path.key("config")
        if entry.kind == "external" {
            if member.value.members?.isEmpty ?? false { return }
            session.error(
                session.file(member.line), path,
                "an external plugin's config is set on the server that runs it; remove it here")
            return
        }
        guard case .object(let config) = member.value.value else {
            session.error(
                session.file(member.line), path, "is \(member.value.kindDescription); give a mapping (`key: value`)")
            return
        }
        entry.config = config
        entry.secretPaths = member.value.environmentPaths
        record(member.value, path, line: member.line, isSecret: false)
    }

    /// Notes every value of `config` for the report.
    private func record(_ node: ConfigurationNode, _ path: KeyPathText, line: Int, isSecret: Bool) {
        for member in node.members ?? [] {
            let hides = isSecret || session.mask.hides(member.value.value, under: member.key)
            record(member.value, path.key(member.key), line: member.line, isSecret: hides)
        }
        for (index, element) in (node.elements ?? []).enumerated() {
            record(element, path.index(index), line: element.line, isSecret: isSecret)
        }
        if case .scalar = node.content {
            session.record(path, node.value, session.file(line), isSecret: isSecret || node.isFromEnvironment)
        }
    }

    /// The paths below the transport's section that came from the environment.
    private func connectionPaths(_ node: ConfigurationNode) -> [String] {
        node.environmentPaths.filter { path in
            ["grpc.", "mcp.", "unix_socket."].contains { path.hasPrefix($0) }
        }
    }

    private func checkKind(_ kind: Sourced<String>, _ path: KeyPathText, isEnabled: Bool) {
        guard isEnabled, let kinds, !kinds.contains(where: { $0.hasSameBytes(as: kind.value) }) else { return }
        let advice =
            kind.value.closestMatch(among: kinds).map { "did you mean \"\($0)\"?" }
            ?? "known kinds are \((kinds + ["external"]).joined(separator: ", "))"
        session.error(
            kind.source, path.key("kind"), "unknown kind \"\(kind.value)\"; \(advice) (or set mode: disabled)")
    }
}
