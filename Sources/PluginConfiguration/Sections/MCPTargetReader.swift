// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `mcp` of an external entry.
struct MCPTargetReader {
    typealias Target = ExternalPluginSettings.MCPTarget

    let section: SettingsSection

    private var session: LoadSession { section.session }
    private var path: KeyPathText { section.path }

    /// - Returns: The target, or nil with an error.
    func read() -> Target? {
        let transport = readTransport()
        var target = Target(transport: transport ?? .streamableHTTP)
        let url = section.optional("url", Self.urlKind)
        let uds = section.optional("uds", .name)
        target.url = url?.value
        target.uds = uds.flatMap { session.socketPath($0, path.key("uds")) }
        target.script = section.optional("script", .name).map { session.expandingHome($0.value) }
        target.command = section.texts("cmd")
        target.environment = readEnvironment()
        target.workingDirectory = section.optional("cwd", .name).map { session.expandingHome($0.value) }
        target.reconnectAttempts =
            section.setting("reconnect_attempts", .integer(in: 0...1_000_000), default: target.reconnectAttempts).value
        target.reconnectDelay =
            section.setting("reconnect_delay", .secondsOrNever, default: target.reconnectDelay).value ?? .zero
        let isTLS = target.url?.isHTTPS ?? false
        target.tls = ClientTLSReader(section: section, prefix: "PLUGINS_CLIENT_MTLS", checksHostname: true)
            .read(usesSocket: uds != nil, mayUseVariables: isTLS)
        switch transport {
        case .streamableHTTP:
            checkHTTP()
            checkTLS(target, isTLS: isTLS)
        case .stdio: checkProcess(target)
        case nil: return nil
        }
        return target
    }

    private func readTransport() -> Target.Transport? {
        guard let member = section.member("proto") else {
            if section.isPresent {
                session.error(section.source, path.key("proto"), "is missing; give STREAMABLEHTTP or STDIO")
            }
            return nil
        }
        if case .scalar(let text, _) = member.value.content, text == "SSE" {
            session.error(
                session.file(member.line), path.key("proto"),
                "SSE is a transport that MCP gave up and nothing here speaks; give STREAMABLEHTTP, and the server's /mcp URL"
            )
            return nil
        }
        return section.optional("proto", .choice("a transport of MCP"))?.value
    }

    private func readEnvironment() -> [String: String] {
        guard let member = section.member("env") else { return [:] }
        guard let members = member.value.members, !members.isEmpty else {
            session.error(
                session.file(member.line), path.key("env"),
                "is not a mapping with variables; give NAME: value, or remove it")
            return [:]
        }
        var environment: [String: String] = [:]
        for member in members {
            let path = path.key("env").key(member.key)
            guard case .scalar(let text, _) = member.value.content, !member.value.isNull, !member.key.isEmpty,
                !member.key.contains("=")
            else {
                session.error(session.file(member.line), path, "is no variable with text; give NAME: \"value\"")
                continue
            }
            environment[member.key] = text
            session.record(
                path, .string(text), session.file(member.line),
                isSecret: member.value.isFromEnvironment || session.mask.isSecret(key: member.key))
        }
        return environment
    }

    private func checkHTTP() {
        if section.member("url") == nil {
            session.error(
                section.source, path.key("url"), "is missing, and STREAMABLEHTTP needs it; give http://host:port/mcp")
        }
        for key in ["script", "cmd", "env", "cwd"] {
            guard let member = section.member(key) else { continue }
            session.error(
                session.file(member.line), path.key(key), "is only for proto: STDIO; remove it, or change proto")
        }
    }

    /// A URL in plain text beside `tls` means one of two things, and TLS over a socket none.
    private func checkTLS(_ target: Target, isTLS: Bool) {
        guard let url = section.member("url") else { return }
        if let tls = section.member("tls"), !isTLS, target.uds == nil, target.url != nil {
            session.error(
                session.file(tls.line), path.key("tls"),
                "needs a URL with https://, and this one is in plain text; change one of them")
        }
        if isTLS, section.member("uds") != nil {
            session.error(
                session.file(url.line), path.key("url"),
                "TLS does not go with a Unix socket; write http://, or remove uds")
        }
    }

    private func checkProcess(_ target: Target) {
        for key in ["url", "uds", "tls"] {
            guard let member = section.member(key) else { continue }
            session.error(
                session.file(member.line), path.key(key),
                "is only for proto: STREAMABLEHTTP; remove it, or change proto")
        }
        let script = section.member("script")
        let command = section.member("cmd")
        if (script == nil) == (command == nil) {
            session.error(
                section.source, path,
                script == nil ? "has neither script nor cmd; give one of them" : "has both script and cmd; keep one")
        }
        if let command, command.value.elements?.isEmpty ?? false {
            session.error(session.file(command.line), path.key("cmd"), "is empty; give the program and its arguments")
        }
        if let command, target.command.contains(where: { !$0.contains { !$0.isWhitespace } }) {
            session.error(session.file(command.line), path.key("cmd"), "has an empty element; remove it")
        }
        // A relative script is looked for when it is run, in the working folder.
        if let script, let file = target.script, file.hasPrefix("/") {
            let source = session.file(script.line)
            if let problem = FileChecks.fileProblem(file) {
                session.error(source, path.key("script"), "\(problem); give the path of the server's script")
            } else if !file.hasSuffix(".py"), !file.hasSuffix(".sh"), !FileChecks.isExecutable(file) {
                session.error(source, path.key("script"), "\"\(file)\" may not be run; make it executable (chmod +x)")
            }
        }
        if let folder = target.workingDirectory, let problem = FileChecks.folderProblem(folder) {
            session.error(
                session.file(section.member("cwd")?.line), path.key("cwd"),
                "\(problem); give the folder to run the server in")
        }
    }

    static var urlKind: SettingKind<String> {
        SettingKind(
            noun: "a URL of HTTP", advice: "give http://host:port/mcp or https://…",
            parse: { text in
                for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
                    let host = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
                    return host.isEmpty || text.contains { $0.isWhitespace } ? nil : text
                }
                return nil
            },
            show: { .string($0) })
    }
}
