// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `listen`.
struct GatewayListenReader {
    let root: SettingsSection
    /// Whether nothing is listened on, so that flags about it are mistakes.
    let isStdio: Bool

    private var session: LoadSession { root.session }

    func read() -> GatewayListenSettings {
        let section = root.section("listen")
        let flags = session.overrides
        var settings = GatewayListenSettings()
        let servers = ServerReader(root: root, transports: TransportReader(session, serving: .http))
        let address = servers.readAddress(
            section, prefix: "GATEHOUSE", flags: flags, host: settings.host, port: settings.port)
        (settings.host, settings.port) = (address.host.value, address.port.value)
        settings.socket = address.socket
        settings.tls =
            ServerTLSReader(
                section: section, prefix: "GATEHOUSE",
                clientKey: ("client_auth", "CLIENT_AUTH", .choice("a client_auth", ignoresCase: true)),
                defaultRequirement: .none, flag: flags.tls
            ).read(socket: address.uds).settings
        settings.allowedHosts = names(section, "allowed_hosts", variable: "GATEHOUSE_ALLOWED_HOSTS")
        settings.allowedOrigins = names(section, "allowed_origins", variable: "GATEHOUSE_ALLOWED_ORIGINS")
        checkHosts(settings, section)
        checkOrigins(settings, section)
        settings.isInsecure =
            section.setting(
                "insecure", .bool, default: false, variables: ["GATEHOUSE_INSECURE"],
                flag: ("--insecure", flags.insecure ? "true" : nil)
            ).value
        section.finish()
        if isStdio { checkFlags(flags) }
        return settings
    }

    /// A list that a variable can give as well, separated by commas.
    private func names(_ section: SettingsSection, _ key: String, variable: String) -> [String] {
        let listed = section.texts(key)
        guard let text = session.environment[variable] else { return listed }
        let names = text.split(separator: ",").map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        .filter { !$0.isEmpty }
        section.record(key, .array(names.map { .string($0) }), .environment(variable))
        return names
    }

    private func checkHosts(_ settings: GatewayListenSettings, _ section: SettingsSection) {
        for (index, host) in settings.allowedHosts.enumerated()
        where host.utf8.contains(where: { [UInt8(ascii: "/"), UInt8(ascii: " "), UInt8(ascii: "@")].contains($0) }) {
            let path = section.path.key("allowed_hosts")
            session.error(
                session.source(of: path), path.index(index),
                "\"\(host)\" is no host name; give the name alone, such as gateway.example.com")
        }
    }

    private func checkOrigins(_ settings: GatewayListenSettings, _ section: SettingsSection) {
        let path = section.path.key("allowed_origins")
        for (index, origin) in settings.allowedOrigins.enumerated() {
            let rest = origin.split(separator: "/", omittingEmptySubsequences: false)
            let isOrigin =
                rest.count == 3 && rest[1].isEmpty && !rest[2].isEmpty && ["http:", "https:"].contains(rest[0])
            guard !isOrigin else { continue }
            session.error(
                session.source(of: path), path.index(index),
                "\"\(origin)\" is no origin; give scheme, host and port alone, such as https://app.example.com")
        }
    }

    private func checkFlags(_ flags: CommandLineOverrides) {
        let tls = flags.tls.map { $0 ? "--tls" : "--no-tls" }
        let given = [
            ("--host", flags.host), ("--port", flags.port), ("--uds", flags.uds), (tls ?? "--tls", tls),
        ]
        for (name, value) in given where value != nil {
            session.error(.commandLine(name), .root, "has no meaning with --stdio; remove one of the two")
        }
    }

    /// A gateway that other machines can reach, and that asks nobody who they are, does not start unless that is wanted.
    static func checkAuthentication(_ settings: GatewaySettings, _ session: LoadSession) {
        let listen = settings.listen
        guard !settings.asksForTokens, listen.socket == nil, !ServerReader.isLoopback(listen.host) else { return }
        let path = KeyPathText.root.key("listen").key("host")
        let what =
            "\"\(listen.host)\" is reachable from other machines, and without auth.tokens or auth.issuers everybody there can use the gateway"
        if listen.isInsecure {
            session.warn(session.source(of: path), path, what)
        } else {
            session.error(
                session.source(of: path), path,
                "\(what); give auth.tokens or GATEHOUSE_TOKEN, or host 127.0.0.1, or --insecure if that is wanted")
        }
    }
}
