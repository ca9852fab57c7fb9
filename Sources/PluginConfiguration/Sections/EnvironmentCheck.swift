// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Looks for variables that are set and do nothing.
struct EnvironmentCheck {
    let session: LoadSession

    func run(pluginCount: Int) {
        if let text = session.environment["PLUGINS_ENABLED"] {
            let source = SettingSource.environment("PLUGINS_ENABLED")
            switch SettingKind<Bool>.bool.parse(text) {
            case false? where pluginCount > 0:
                session.warn(
                    source, .root,
                    "is false, but a server that has plugins configured (\(pluginCount)) runs them; set mode: disabled for those "
                        + "that are not wanted")
            case nil:
                session.error(source, .root, SettingKind<Bool>.bool.fault(text, isSecret: false))
            default: break
            }
        }
        checkUnknown()
    }

    /// Looks for variables of our families that nothing reads.
    func checkUnknown() {
        let known = Self.known + Self.knownToGateways
        for name in session.environment.keys.sorted(by: { $0.precedesInBytes($1) })
        where Self.families.contains(where: { name.hasPrefix($0) }) && !known.contains(name) {
            let advice = name.closestMatch(among: known).map { "did you mean \($0)?" } ?? "unset it"
            session.warn(.environment(name), .root, "is no variable that anything reads; \(advice)")
        }
    }

    /// What variables of ContextForge's servers and clients begin with.
    private static let families = [
        "PLUGINS_GRPC_", "PLUGINS_SERVER_", "PLUGINS_CLIENT_", "PLUGINS_UNIX_", "GATEHOUSE_",
    ]

    /// All variables of these families.
    static let known: [String] = {
        let address = ["HOST", "PORT", "UDS"]
        let tls = ["SSL_ENABLED", "SSL_CERTFILE", "SSL_KEYFILE", "SSL_KEYFILE_PASSWORD", "SSL_CA_CERTS"]
        let client = ["VERIFY", "CA_BUNDLE", "CERTFILE", "KEYFILE", "KEYFILE_PASSWORD"]
        return (address + tls + ["SSL_CLIENT_AUTH"]).map { "PLUGINS_GRPC_SERVER_\($0)" }
            + (address + tls + ["SSL_CERT_REQS"]).map { "PLUGINS_SERVER_\($0)" }
            + client.map { "PLUGINS_GRPC_CLIENT_MTLS_\($0)" }
            + (client + ["CHECK_HOSTNAME"]).map { "PLUGINS_CLIENT_MTLS_\($0)" }
            + ["PLUGINS_UNIX_SOCKET_PATH"]
            + ["LOG_FORMAT", "GRACE_PERIOD", "MEMORY_BUDGET", "EXPOSE_CONFIG"].map { "GATEHOUSE_\($0)" }
    }()

    /// What a gateway reads beside them.
    static let knownToGateways = [
        "HOST", "PORT", "UDS", "CONFIG", "TOKEN", "INSECURE", "ALLOWED_HOSTS", "ALLOWED_ORIGINS", "STATE_KEY",
        "SSL_ENABLED", "SSL_CERTFILE", "SSL_KEYFILE", "SSL_KEYFILE_PASSWORD", "SSL_CA_CERTS", "SSL_CLIENT_AUTH",
    ].map { "GATEHOUSE_\($0)" }
}
