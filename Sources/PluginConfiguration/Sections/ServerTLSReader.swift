// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `tls` of a server section, with its `…_SSL_*` variables and the flag `--tls`.
struct ServerTLSReader {
    /// The section that holds `tls`.
    let section: SettingsSection
    /// What its variables begin with: `PLUGINS_GRPC_SERVER`.
    let prefix: String
    /// The key that tells whether clients have to show a certificate, and the end of its variable.
    let clientKey: (key: String, variable: String, kind: SettingKind<ServerTLSSettings.ClientAuthentication>)
    /// Whether clients have to show a certificate when nothing is said about it.
    var defaultRequirement = ServerTLSSettings.ClientAuthentication.require
    /// The flag `--tls`, if it is for this server.
    let flag: Bool?

    private var session: LoadSession { section.session }
    private func variable(_ name: String) -> String { "\(prefix)_SSL_\(name)" }

    /// - Returns: Whether TLS is on, and its settings; nil when it is off, and when it cannot work, which is an error.
    func read(socket: Sourced<String>?) -> (isOn: Bool, settings: ServerTLSSettings?) {
        let tls = section.section("tls")
        let enabled = isEnabled(tls)
        tls.isRecording = enabled.value
        section.record("tls", .string(enabled.value ? "on" : "off"), enabled.source)

        let certificate = tls.optional("certfile", .text, variables: [variable("CERTFILE")])
        let key = tls.optional("keyfile", .text, variables: [variable("KEYFILE")])
        let password = tls.optional("keyfile_password", .text, variables: [variable("KEYFILE_PASSWORD")])
        let authorities = tls.optional("ca_bundle", .text, variables: [variable("CA_CERTS")])
        let client = tls.setting(
            clientKey.key, clientKey.kind, default: defaultRequirement, variables: [variable(clientKey.variable)])
        let allowed = tls.member("allowed_clients") == nil ? nil : tls.texts("allowed_clients")
        tls.finish()

        guard enabled.value else {
            if tls.isPresent {
                session.warn(
                    enabled.source, tls.path, "TLS is configured, but switched off here; connections are in plain text")
            } else if let certificate {
                session.warn(
                    certificate.source, tls.path,
                    "a certificate is given, but TLS is off; set \(variable("ENABLED"))=true, or remove the certificate"
                )
            }
            return (false, nil)
        }
        if let socket {
            session.error(
                enabled.source, tls.path,
                "TLS does not go with a Unix socket (uds, \(socket.source)); remove tls or uds")
        }
        let certificatePath = required(
            certificate, "certfile", "CERTFILE", "the server's certificate chain", enabled, tls)
        let keyPath = required(key, "keyfile", "KEYFILE", "the server's private key", enabled, tls)
        let bundle = session.existingFile(authorities, tls.path.key("ca_bundle"))
        if client.value != .none, authorities?.value.isEmpty ?? true {
            session.error(
                client.source == .defaultValue ? enabled.source : client.source, tls.path.key("ca_bundle"),
                "is missing, and \(clientKey.key) is \(client.value.rawValue): clients cannot be verified without it; "
                    + "give the authorities to trust (PEM), or set \(clientKey.key) to \(noneText)")
        }
        check(allowed, client, tls)
        guard let certificatePath, let keyPath else { return (true, nil) }
        var settings = ServerTLSSettings(certificateFile: certificatePath, keyFile: keyPath)
        settings.keyFilePassword = password?.value
        settings.caBundle = bundle
        settings.clientAuthentication = client.value
        settings.allowedClients = allowed
        return (true, settings)
    }

    /// Patterns for clients need clients that show who they are.
    private func check(
        _ allowed: [String]?, _ client: Sourced<ServerTLSSettings.ClientAuthentication>, _ tls: SettingsSection
    ) {
        guard let allowed else { return }
        let path = tls.path.key("allowed_clients")
        let source = session.file(tls.member("allowed_clients")?.line)
        if allowed.isEmpty {
            session.error(source, path, "is empty, so that nobody could connect; give patterns, or remove it")
        }
        for (index, pattern) in allowed.enumerated() where !pattern.contains(where: { !$0.isWhitespace }) {
            session.error(
                source, path.index(index),
                "names nobody; give an alternative name such as spiffe://example.org/gateway/*, cn:NAME, or subject:CN=NAME"
            )
        }
        if client.value != .require {
            session.error(
                source, path,
                "needs clients that show a certificate, and \(clientKey.key) is \(client.value.rawValue) (\(client.source)); "
                    + "set \(clientKey.key) to \(clientKey.key == "ssl_cert_reqs" ? "2" : "require")")
        }
    }

    private var noneText: String { clientKey.key == "ssl_cert_reqs" ? "0" : "none" }

    /// A `tls` block switches it on, `…_SSL_ENABLED` overrides that, and `--tls` both.
    private func isEnabled(_ tls: SettingsSection) -> Sourced<Bool> {
        var enabled = Sourced(value: tls.isPresent, source: tls.isPresent ? tls.source : .defaultValue)
        if let text = session.environment[variable("ENABLED")] {
            let source = SettingSource.environment(variable("ENABLED"))
            if let value = SettingKind<Bool>.bool.parse(text) {
                enabled = Sourced(value: value, source: source)
            } else {
                session.error(source, tls.path, SettingKind<Bool>.bool.fault(text, isSecret: false))
            }
        }
        if let flag { enabled = Sourced(value: flag, source: .commandLine(flag ? "--tls" : "--no-tls")) }
        return enabled
    }

    private func required(
        _ setting: Sourced<String>?, _ key: String, _ name: String, _ what: String, _ enabled: Sourced<Bool>,
        _ tls: SettingsSection
    ) -> String? {
        guard let setting, !setting.value.isEmpty else {
            session.error(
                enabled.source, tls.path.key(key),
                "is missing, and TLS is on; give \(what) (PEM) here or in \(variable(name))")
            return nil
        }
        return session.existingFile(setting, tls.path.key(key))
    }
}

extension SettingKind where Setting == ServerTLSSettings.ClientAuthentication {
    /// `ssl_cert_reqs`: Python's numbers.
    static let certificateRequirement = SettingKind(
        noun: "a certificate requirement", advice: "give 0 (none), 1 (optional) or 2 (required)",
        parse: { text in
            switch text {
            case "0": ServerTLSSettings.ClientAuthentication.none
            case "1": .optional
            case "2": .require
            default: nil
            }
        },
        show: { requirement in
            switch requirement {
            case .none: .int(0)
            case .optional: .int(1)
            case .require: .int(2)
            }
        })
}
