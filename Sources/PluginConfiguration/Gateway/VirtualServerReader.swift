// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `servers`.
struct VirtualServerReader {
    let root: SettingsSection
    let upstreams: [UpstreamSettings]

    private var session: LoadSession { root.session }

    func read() -> [VirtualServerSettings] {
        guard let member = root.member("servers") else { return [] }
        let path = KeyPathText.root.key("servers")
        guard let members = member.value.members else {
            session.error(
                session.file(member.line), path,
                "is \(member.value.kindDescription); give a mapping of ids (`dev: {mcpServers: [git]}`)")
            return []
        }
        return members.compactMap { member in
            read(
                member.key,
                SettingsSection(session, path: path.key(member.key), node: member.value, line: member.line))
        }
    }

    private func read(_ id: String, _ section: SettingsSection) -> VirtualServerSettings? {
        guard Self.isID(id) else {
            session.error(
                section.source, section.path,
                "is no id that a URL can carry; use up to 64 letters, digits and - . _ ~, a letter or digit first")
            return nil
        }
        var server = VirtualServerSettings(id: id)
        server.description = section.optional("description", .text)?.value
        server.upstreams = section.texts("mcpServers")
        server.select.tools = section.texts("tools")
        server.select.prompts = section.texts("prompts")
        server.select.resources = section.texts("resources")
        server.scopes = section.scopes("scopes")
        server.usesPrefixes = section.setting("prefix", .bool, default: true).value
        section.finish()
        checkUpstreams(server, section)
        return server
    }

    private func checkUpstreams(_ server: VirtualServerSettings, _ section: SettingsSection) {
        let known = upstreams.map(\.name)
        let line = section.member("mcpServers")?.line
        for (index, name) in server.upstreams.enumerated() where !known.contains(where: { $0.hasSameBytes(as: name) }) {
            let advice =
                name.closestMatch(among: known).map { "did you mean \"\($0)\"?" } ?? "give a name under mcpServers"
            session.error(
                session.file(line), section.path.key("mcpServers").index(index),
                "\"\(name)\" is no MCP server; \(advice)")
        }
    }

    private static func isID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 64, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || "-._~".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
