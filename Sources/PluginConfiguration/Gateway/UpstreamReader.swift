// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `mcpServers`, as MCP clients have it, with keys of ours beside.
struct UpstreamReader {
    /// Longer prefixes leave no room for names.
    private static let longestPrefix = 32
    /// What MCP clients keep beside a server that says something about themselves.
    private static let clientKeys = ["autoApprove", "alwaysAllow", "autoStart", "envFile", "dev", "gallery", "version"]

    let root: SettingsSection

    private var session: LoadSession { root.session }

    func read() -> [UpstreamSettings] {
        guard let member = root.member("mcpServers") else { return [] }
        let path = KeyPathText.root.key("mcpServers")
        guard let members = member.value.members else {
            session.error(
                session.file(member.line), path,
                "is \(member.value.kindDescription); give a mapping of names (`time: {command: mcp-server-time}`)")
            return []
        }
        var upstreams: [UpstreamSettings] = []
        for member in members {
            let section = SettingsSection(
                session, path: path.key(member.key), node: member.value, line: member.line)
            guard let upstream = read(member.key, section) else { continue }
            checkPrefix(upstream, among: upstreams, section)
            upstreams.append(upstream)
        }
        return upstreams
    }

    private func read(_ name: String, _ section: SettingsSection) -> UpstreamSettings? {
        guard !name.isEmpty, section.isPresent else {
            session.error(section.source, section.path, "is empty; give command or url")
            return nil
        }
        let target = UpstreamTargetReader(section: section).read()
        let prefix = section.setting("prefix", .text, default: name)
        var upstream = UpstreamSettings(
            name: name, target: target ?? .command(UpstreamCommand(program: "")), prefix: prefix.value)
        upstream.allow = readLists(section.section("allow"))
        upstream.deny = readLists(section.section("deny"))
        func time(_ key: String, _ value: inout Duration) {
            value = section.setting(key, .seconds, default: value).value
        }
        time("timeout", &upstream.timeout)
        upstream.maximumTimeout = max(upstream.maximumTimeout, upstream.timeout)
        let maximum = section.setting("max_timeout", .seconds, default: upstream.maximumTimeout)
        if maximum.value < upstream.timeout {
            session.error(
                maximum.source, section.path.key("max_timeout"), "is below timeout; raise it, or lower timeout")
        }
        upstream.maximumTimeout = maximum.value
        time("connect_timeout", &upstream.connectTimeout)
        upstream.refreshInterval =
            section.setting("refresh", .secondsOrNever, default: upstream.refreshInterval).value
        upstream.sessions =
            section.setting("sessions", .choice("a way to use sessions"), default: upstream.sessions).value
        upstream.protocolChoice =
            section.setting("protocol", .choice("an era of MCP"), default: upstream.protocolChoice).value
        upstream.scopes = section.scopes("scopes")
        upstream.toolScopes = readToolScopes(section.section("tool_scopes"))
        upstream.isDisabled = section.setting("disabled", .bool, default: false).value
        if section.member("description") != nil { _ = section.optional("description", .text) }
        for key in Self.clientKeys where section.member(key) != nil {
            session.warn(
                session.file(section.member(key)?.line), section.path.key(key),
                "is for MCP clients and has no effect here; remove it")
        }
        section.finish()
        checkLabel(upstream, prefix, section)
        return target == nil ? nil : upstream
    }

    private func readLists(_ section: SettingsSection) -> NameLists {
        var lists = NameLists()
        lists.tools = section.texts("tools")
        lists.prompts = section.texts("prompts")
        lists.resources = section.texts("resources")
        section.finish()
        return lists
    }

    private func readToolScopes(_ section: SettingsSection) -> [ToolScopes] {
        section.keys.map { pattern in ToolScopes(pattern: pattern, scopes: section.scopes(pattern)) }
    }

    // MARK: Prefixes

    /// The prefix, and the name where it stands in for one, have to be part of tool names and of URIs.
    private func checkLabel(_ upstream: UpstreamSettings, _ prefix: Sourced<String>, _ section: SettingsSection) {
        let label = upstream.fallbackPrefix
        guard !Self.isLabel(label) else { return }
        let isName = label.hasSameBytes(as: upstream.name)
        session.error(
            isName ? section.source : prefix.source, isName ? section.path : section.path.key("prefix"),
            "\"\(label)\" cannot begin the names of tools: use up to \(Self.longestPrefix) letters, digits, - and _, a letter first"
                + (isName ? ", or give prefix" : ""))
    }

    private static func isLabel(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= longestPrefix, isLetter(first) else { return false }
        return text.utf8.allSatisfy { byte in
            isLetter(byte) || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

    /// Two upstreams whose names begin alike could not be told apart.
    private func checkPrefix(
        _ upstream: UpstreamSettings, among others: [UpstreamSettings], _ section: SettingsSection
    ) {
        guard let other = others.first(where: { $0.uriPrefix.hasSameBytes(as: upstream.uriPrefix) }) else { return }
        session.error(
            section.source, section.path,
            "has the same prefix as \"\(other.name)\", upper and lower case, - and _ being the same; give one of them "
                + "another with prefix")
    }
}
