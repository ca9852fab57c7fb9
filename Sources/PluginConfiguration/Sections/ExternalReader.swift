// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads where an external plugin runs: `grpc`, `unix_socket` or `mcp` of an entry.
struct ExternalReader {
    let entry: SettingsSection

    private var session: LoadSession { entry.session }

    /// - Returns: The settings; nil for a plugin of this process, and with an error when they cannot work.
    func read(isExternal: Bool) -> ExternalPluginSettings? {
        let given = ["grpc", "unix_socket", "mcp"].filter { entry.member($0) != nil }
        guard isExternal else {
            for key in given {
                let member = entry.member(key)
                session.warn(
                    session.file(member?.line), entry.path.key(key),
                    "has no effect, because the plugin's kind is not external; set kind: external, or remove it")
            }
            return nil
        }
        guard let key = given.first, given.count == 1 else {
            let what = given.isEmpty ? "says not where it runs" : "has \(given.joined(separator: " and "))"
            session.error(
                entry.source, entry.path, "an external plugin \(what); give exactly one of grpc, unix_socket and mcp")
            return nil
        }
        let section = entry.section(key)
        defer { section.finish() }
        switch key {
        case "grpc": return readGRPC(section).map { .grpc($0) }
        case "unix_socket": return readUnixSocket(section).map { .unixSocket($0) }
        default: return MCPTargetReader(section: section).read().map { .mcp($0) }
        }
    }

    private func readGRPC(_ section: SettingsSection) -> ExternalPluginSettings.GRPCTarget? {
        var target = ExternalPluginSettings.GRPCTarget()
        let address = section.optional("target", Self.targetKind)
        let uds = section.optional("uds", .name)
        let hasTarget = section.member("target") != nil
        let hasSocket = section.member("uds") != nil
        target.target = address?.value
        target.uds = uds.flatMap { session.socketPath($0, section.path.key("uds")) }
        let tls = ClientTLSReader(section: section, prefix: "PLUGINS_GRPC_CLIENT_MTLS", checksHostname: false)
        target.tls = tls.read(usesSocket: hasSocket, mayUseVariables: hasTarget)
        if hasTarget == hasSocket {
            session.error(
                section.source, section.path,
                hasTarget ? "has both target and uds; keep one" : "has neither target nor uds; give one")
            return nil
        }
        return target
    }

    private func readUnixSocket(_ section: SettingsSection) -> ExternalPluginSettings.UnixSocketTarget? {
        let path = section.optional("path", .name)
        if path == nil, section.isPresent, section.member("path") == nil {
            session.error(
                section.source, section.path.key("path"), "is missing; give the path of the plugin server's socket")
        }
        var target = ExternalPluginSettings.UnixSocketTarget(path: "")
        target.timeout = section.setting("timeout", .seconds, default: target.timeout).value
        target.reconnectAttempts =
            section.setting("reconnect_attempts", .integer(in: 0...1_000_000), default: target.reconnectAttempts).value
        target.reconnectDelay =
            section.setting("reconnect_delay", .secondsOrNever, default: target.reconnectDelay).value ?? .zero
        guard let path, let checked = session.socketPath(path, section.path.key("path")) else { return nil }
        target.path = checked
        return target
    }

    /// `host:port`, `[::1]:50051`, or a target with a scheme (`dns:///name:port`).
    private static var targetKind: SettingKind<String> {
        SettingKind(
            noun: "a gRPC target", advice: "give host:port, such as plugins.example.com:50051",
            parse: { text in
                guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")), colon != text.startIndex else {
                    return nil
                }
                if text.hasPrefix("unix:") || text.hasPrefix("dns:") || text.hasPrefix("ipv4:")
                    || text.hasPrefix("ipv6:")
                {
                    return text
                }
                guard let port = Int(text[text.utf8.index(after: colon)...]), (1...65_535).contains(port) else {
                    return nil
                }
                return text
            },
            show: { .string($0) })
    }
}

/// Reads `tls` of an external entry.
///
/// The `…_MTLS_*` variables are the defaults of entries without a `tls` block, and never mix into one.
struct ClientTLSReader {
    let section: SettingsSection
    let prefix: String
    /// Whether there is a variable for `check_hostname`.
    let checksHostname: Bool

    private var session: LoadSession { section.session }

    func read(usesSocket: Bool, mayUseVariables: Bool) -> ClientTLSSettings? {
        let block = section.section("tls")
        if block.isPresent, usesSocket {
            session.error(block.source, block.path, "TLS does not go with a Unix socket; remove tls or uds")
        }
        guard block.isPresent || mayUseVariables else { return nil }
        let names =
            ["VERIFY", "CA_BUNDLE", "CERTFILE", "KEYFILE", "KEYFILE_PASSWORD"]
            + (checksHostname ? ["CHECK_HOSTNAME"] : [])
        let isSet = names.contains { session.environment["\(prefix)_\($0)"] != nil }
        guard block.isPresent || isSet && !usesSocket else { return nil }
        func variables(_ name: String) -> [String] { block.isPresent ? [] : ["\(prefix)_\(name)"] }

        var settings = ClientTLSSettings()
        settings.verify = block.setting("verify", .bool, default: true, variables: variables("VERIFY")).value
        let bundle = block.optional("ca_bundle", .text, variables: variables("CA_BUNDLE"))
        let certificate = block.optional("certfile", .text, variables: variables("CERTFILE"))
        let key = block.optional("keyfile", .text, variables: variables("KEYFILE"))
        settings.keyFilePassword =
            block.optional("keyfile_password", .text, variables: variables("KEYFILE_PASSWORD"))?.value
        settings.checkHostname =
            block.setting(
                "check_hostname", .bool, default: true, variables: checksHostname ? variables("CHECK_HOSTNAME") : []
            ).value
        settings.serverName = block.optional("server_name", .name)?.value
        block.finish()
        warn(settings, block)
        settings.caBundle = session.existingFile(bundle, block.path.key("ca_bundle"))
        settings.certificateFile = session.existingFile(certificate, block.path.key("certfile"))
        settings.keyFile = session.existingFile(key, block.path.key("keyfile"))
        if let key, !key.value.isEmpty, certificate?.value.isEmpty ?? true {
            session.error(
                key.source, block.path.key("keyfile"), "needs certfile beside it; give the certificate of this key")
        }
        return settings
    }

    /// What is asked for, and takes away what TLS is for.
    private func warn(_ settings: ClientTLSSettings, _ block: SettingsSection) {
        if !settings.verify {
            session.warn(
                session.source(of: block.path.key("verify")), block.path.key("verify"),
                "is false: whoever can get between may read and change everything; "
                    + "give ca_bundle, and remove it")
        } else if !settings.checkHostname {
            session.warn(
                session.source(of: block.path.key("check_hostname")), block.path.key("check_hostname"),
                "is false: every server with a certificate of the same authority is taken for this one; "
                    + "give server_name, and remove it")
        }
    }
}
