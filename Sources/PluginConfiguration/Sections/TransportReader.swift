// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads which transports are served, and finds the one that each flag of the command line is for.
struct TransportReader {
    /// A flag that is for one server.
    enum Flag: String, CaseIterable {
        case host = "--host"
        case port = "--port"
        case uds = "--uds"
        case tls = "--tls"
    }

    let session: LoadSession
    /// The transports that are served.
    let transports: Sourced<[PluginServerTransport]>

    /// Reads `transports` of `gatehouse`.
    ///
    /// - Parameter available: What this process can serve.
    init(_ section: SettingsSection, available: [PluginServerTransport]) {
        session = section.session
        transports = section.setting(
            "transports", .transports, default: [PluginServerTransport.grpc], variables: ["PLUGINS_TRANSPORT"],
            flag: ("--transport", session.overrides.transport))
        for transport in transports.value where !available.contains(transport) {
            let names = available.map(\.rawValue).joined(separator: ", ")
            session.error(
                transports.source, section.path.key("transports"),
                "\(transport.rawValue) is not served here; give \(names)")
        }
        checkFlags()
    }

    /// Of a process that has one transport and no choice.
    init(_ session: LoadSession, serving transport: PluginServerTransport) {
        self.session = session
        transports = Sourced(value: [transport], source: .defaultValue)
    }

    /// Whether a transport is served.
    func serves(_ transport: PluginServerTransport) -> Bool { transports.value.contains(transport) }

    /// What the command line says about the server of a transport: the flags that no other transport served takes as well.
    func flags(for transport: PluginServerTransport) -> CommandLineOverrides? {
        guard serves(transport) else { return nil }
        var flags = session.overrides
        func isOwn(_ flag: Flag) -> Bool { takers(of: flag) == [transport] }
        if !isOwn(.host) { flags.host = nil }
        if !isOwn(.port) { flags.port = nil }
        if !isOwn(.uds) { flags.uds = nil }
        if !isOwn(.tls) { flags.tls = nil }
        return flags
    }

    private func takers(of flag: Flag) -> [PluginServerTransport] {
        transports.value.filter { $0.flags.contains(flag) }
    }

    private func isGiven(_ flag: Flag) -> Bool {
        switch flag {
        case .host: session.overrides.host != nil
        case .port: session.overrides.port != nil
        case .uds: session.overrides.uds != nil
        case .tls: session.overrides.tls != nil
        }
    }

    private func checkFlags() {
        let names = transports.value.map(\.rawValue)
        for flag in Flag.allCases where isGiven(flag) {
            let takers = takers(of: flag)
            if takers.isEmpty {
                let understood = Flag.allCases.filter { flag in transports.value.contains { $0.flags.contains(flag) } }
                let advice =
                    understood.isEmpty ? "remove it" : "use \(understood.map(\.rawValue).joined(separator: ", "))"
                session.error(
                    .commandLine(flag.rawValue), .root,
                    "has no meaning with the transport \(names.joined(separator: " and ")); \(advice)")
            } else if takers.count > 1 {
                let who = takers.map(\.rawValue).joined(separator: " and ")
                let places = takers.map { "\($0.section) or \($0.variable(of: flag))" }.joined(separator: ", ")
                session.error(
                    .commandLine(flag.rawValue), .root,
                    "could be for \(who), which are served side by side; say it in \(places) instead")
            }
        }
    }
}

extension PluginServerTransport {
    /// The flags that say something about its server.
    fileprivate var flags: [TransportReader.Flag] {
        switch self {
        case .grpc, .http: [.host, .port, .uds, .tls]
        case .unix: [.uds]
        case .stdio: []
        }
    }

    /// The section of the file about its server.
    fileprivate var section: String {
        switch self {
        case .grpc: "grpc_server_settings"
        case .http: "server_settings"
        case .unix: "unix_socket_server_settings"
        case .stdio: "gatehouse"
        }
    }

    /// The variable that says what a flag says.
    fileprivate func variable(of flag: TransportReader.Flag) -> String {
        let prefix =
            switch self {
            case .grpc: "PLUGINS_GRPC_SERVER"
            case .http: "PLUGINS_SERVER"
            case .unix, .stdio: "PLUGINS_UNIX_SOCKET"
            }
        return switch flag {
        case .host: "\(prefix)_HOST"
        case .port: "\(prefix)_PORT"
        case .uds: self == .unix ? "\(prefix)_PATH" : "\(prefix)_UDS"
        case .tls: "\(prefix)_SSL_ENABLED"
        }
    }
}

extension SettingKind where Setting == [PluginServerTransport] {
    /// One transport or several, separated by commas.
    fileprivate static var transports: SettingKind {
        let one = SettingKind<PluginServerTransport>.choice("a transport", ignoresCase: true)
        return SettingKind(
            noun: one.noun, advice: one.advice, choices: one.choices, takesList: true,
            parse: { text in
                var transports: [PluginServerTransport] = []
                for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                    guard let transport = one.parse(String(part.filter { !$0.isWhitespace })) else { return nil }
                    if !transports.contains(transport) { transports.append(transport) }
                }
                return transports
            },
            show: { .array($0.map { .string($0.rawValue) }) })
    }
}
