// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `auth.tokens`, and the token of the environment.
struct GatewayTokenReader {
    /// Shorter ones can be guessed.
    static let minimumLength = 16

    /// The section `auth`.
    let section: SettingsSection
    let servers: [VirtualServerSettings]

    private var session: LoadSession { section.session }

    func read() -> [GatewayToken] {
        var tokens: [GatewayToken] = []
        for (path, node) in section.elements("tokens") {
            let entry = SettingsSection(session, path: path, node: node, line: node.line)
            if let token = read(entry) { tokens.append(token) }
            entry.finish()
        }
        if let text = session.environment["GATEHOUSE_TOKEN"] {
            let source = SettingSource.environment("GATEHOUSE_TOKEN")
            if check(text, source, .root) { tokens.append(GatewayToken(token: text)) }
            session.record(
                section.path.key("tokens").index(tokens.count), .string(text), source, isSecret: true)
        }
        for (index, token) in tokens.enumerated()
        where tokens[..<index].contains(where: { $0.token.hasSameBytes(as: token.token) }) {
            session.error(
                section.source, section.path.key("tokens").index(index),
                "is the same token as another; give each its own")
        }
        return tokens
    }

    private func read(_ entry: SettingsSection) -> GatewayToken? {
        let text = entry.optional("token", .text)
        if text == nil, entry.member("token") == nil {
            session.error(entry.source, entry.path.key("token"), "is missing; give \"{{ env.NAME }}\"")
        }
        var token = GatewayToken(token: text?.value ?? "")
        token.user = user(entry)
        token.tenant = entry.optional("tenant", .name)?.value
        token.servers = entry.texts("servers")
        token.scopes = entry.member("scopes") == nil ? nil : entry.scopes("scopes")
        let known = servers.map(\.id)
        for (index, id) in token.servers.enumerated() where !known.contains(where: { $0.hasSameBytes(as: id) }) {
            let advice = id.closestMatch(among: known).map { "did you mean \"\($0)\"?" } ?? "give an id under servers"
            session.error(
                entry.source, entry.path.key("servers").index(index), "\"\(id)\" is no virtual server; \(advice)")
        }
        guard let text, check(text.value, text.source, entry.path.key("token")) else { return nil }
        return token
    }

    /// Text, or a mapping of attributes as plugins see them.
    private func user(_ entry: SettingsSection) -> Value? {
        guard let member = entry.member("user") else { return nil }
        switch member.value.value {
        case .string(let text) where !text.isEmpty:
            entry.record("user", .string(text), session.file(member.line))
            return .string(text)
        case .object(let attributes) where !attributes.isEmpty:
            entry.record("user", .object(attributes), session.file(member.line))
            return .object(attributes)
        default:
            session.error(
                session.file(member.line), entry.path.key("user"),
                "is neither a name nor a mapping of attributes; give user: alice@example.com")
            return nil
        }
    }

    /// A token is what RFC 6750 (section 2.1) lets a header carry, and long enough not to be guessed.
    private func check(_ token: String, _ source: SettingSource, _ path: KeyPathText) -> Bool {
        let other = Array("-._~+/=".utf8)
        let isValid = token.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: other.contains(byte)
            }
        }
        guard isValid else {
            session.error(
                source, path,
                "holds characters that a bearer token may not (RFC 6750); use letters, digits and - . _ ~ + / =")
            return false
        }
        guard token.utf8.count >= Self.minimumLength else {
            session.error(
                source, path,
                "is shorter than \(Self.minimumLength) characters, and could be guessed; make one with `openssl rand -hex 32`"
            )
            return false
        }
        return true
    }
}
