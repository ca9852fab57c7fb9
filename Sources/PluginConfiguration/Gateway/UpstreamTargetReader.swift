// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads how one of `mcpServers` is reached.
struct UpstreamTargetReader {
    /// Headers that the gateway sets itself, or that would break the connection.
    private static let ownHeaders = [
        "host", "content-length", "content-type", "transfer-encoding", "connection", "accept", "mcp-session-id",
        "mcp-protocol-version", "last-event-id", "te", "upgrade", "expect",
    ]

    let section: SettingsSection

    private var session: LoadSession { section.session }
    private var path: KeyPathText { section.path }

    /// - Returns: The target, or nil with an error.
    func read() -> UpstreamSettings.Target? {
        let command = section.optional("command", .name)
        let url = section.optional("url", MCPTargetReader.urlKind)
        let transport = readType(isCommand: command != nil)
        let arguments = section.texts("args")
        let environment = readMapping("env") { name, _ in
            name.isEmpty || name.contains("=") ? "is no name of a variable; give NAME: \"value\"" : nil
        }
        let folder = section.optional("cwd", .name)
        let uds = section.optional("uds", .name)
        let headers = readMapping("headers", Self.headerFault)
        let oauth = UpstreamOAuthReader(section: section.section("oauth")).read()
        let tls = GatewayTLSReader(section: section).read(url: url?.value, socket: uds != nil)
        switch (command, url) {
        case (let command?, nil):
            refuse(["uds", "headers", "oauth", "tls"], "is only for a server with a url; remove it")
            var target = UpstreamCommand(program: session.expandingHome(command.value))
            target.arguments = arguments
            target.environment = Dictionary(environment, uniquingKeysWith: { first, _ in first })
            target.workingDirectory = readFolder(folder)
            return .command(target)
        case (nil, let url?):
            refuse(["args", "env", "cwd"], "is only for a server with a command; remove it")
            var target = UpstreamAddress(url: url.value)
            target.transport = transport
            target.socketPath = uds.flatMap { session.socketPath($0, path.key("uds"), warns: false) }
            target.headers = headers.map { .init(name: $0, value: $1) }
            target.oauth = oauth
            target.tls = tls
            if uds != nil, target.url.isHTTPS {
                session.error(
                    url.source, path.key("url"), "TLS does not go with a Unix socket; write http://, or remove uds")
            }
            if oauth != nil, let header = headers.first(where: { $0.0.lowercased() == "authorization" }) {
                session.error(
                    section.source, path.key("headers").key(header.0),
                    "stands beside oauth, and only one Authorization header can be sent; remove one of them")
            }
            return .http(target)
        case (_?, _?):
            session.error(section.source, path, "has both command and url; keep one")
        case (nil, nil):
            guard section.member("command") == nil, section.member("url") == nil else { return nil }
            session.error(section.source, path, "has neither command nor url; give one of them")
        }
        return nil
    }

    /// `type` (or `transport`), as some clients write it; it must not contradict command and url.
    ///
    /// - Returns: the transport of a server with a url.
    private func readType(isCommand: Bool) -> UpstreamAddress.Transport {
        var transport = UpstreamAddress.Transport.any
        for key in ["type", "transport"] {
            guard let type = section.optional(key, .name) else { continue }
            let name = String(type.value.lowercased().filter { $0.isLetter })
            let fault: String?
            switch name {
            case "stdio": fault = isCommand ? nil : "needs command, not url"
            case "http", "streamablehttp":
                fault = isCommand ? "needs url, not command" : nil
                transport = .streamable
            case "sse":
                fault = isCommand ? "needs url, not command" : nil
                transport = .sse
            default:
                fault = "\"\(type.value)\" is unknown; give \"stdio\", \"http\" or \"sse\", or remove it"
            }
            if let fault { session.error(type.source, path.key(key), fault) }
        }
        return transport
    }

    private func refuse(_ keys: [String], _ message: String) {
        for key in keys {
            guard let member = section.member(key) else { continue }
            session.error(session.file(member.line), path.key(key), message)
        }
    }

    private func readFolder(_ folder: Sourced<String>?) -> String? {
        guard let folder else { return nil }
        let expanded = session.expandingHome(folder.value)
        if let problem = FileChecks.folderProblem(expanded) {
            session.error(folder.source, path.key("cwd"), "\(problem); give the folder to run the server in")
        }
        return expanded
    }

    /// A mapping of names to texts.
    private func readMapping(
        _ key: String, _ fault: (String, String) -> String?
    ) -> [(String, String)] {
        guard let member = section.member(key) else { return [] }
        guard let members = member.value.members else {
            session.error(
                session.file(member.line), path.key(key),
                "is \(member.value.kindDescription); give a mapping (`NAME: \"value\"`)")
            return []
        }
        return members.compactMap { member in
            let path = path.key(key).key(member.key)
            guard case .scalar(let text, _) = member.value.content, !member.value.isNull else {
                session.error(session.file(member.line), path, "is no text; give NAME: \"value\"")
                return nil
            }
            if let fault = fault(member.key, text) {
                session.error(session.file(member.line), path, fault)
                return nil
            }
            session.record(
                path, .string(text), session.file(member.line),
                isSecret: member.value.isFromEnvironment || session.mask.isSecret(key: member.key))
            return (member.key, text)
        }
    }

    private static func headerFault(_ name: String, _ value: String) -> String? {
        if !HeaderRules.isName(name) { return "is no name of a header; use letters, digits and -" }
        if !HeaderRules.isValue(value) { return "holds control characters, which a header may not; remove them" }
        let lower = name.lowercased()
        return ownHeaders.contains(lower) ? "is set by the gateway itself; remove it" : nil
    }
}

/// What HTTP lets a header be (RFC 9110, sections 5.5 and 5.6.2).
private enum HeaderRules {
    static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }
}
