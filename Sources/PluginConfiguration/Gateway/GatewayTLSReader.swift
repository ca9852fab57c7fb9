// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework

/// Reads `tls` of what a gateway connects to by a URL.
struct GatewayTLSReader {
    /// The section that holds `tls` and the URL.
    let section: SettingsSection

    /// - Parameters:
    ///   - url: What is connected to; nil when it is wrong, which is told elsewhere, empty for nothing.
    ///   - socket: Whether a Unix socket is connected to in place of the URL's host.
    /// - Returns: The settings; nil when there are none.
    func read(url: String?, socket: Bool = false) -> ClientTLSSettings? {
        let reader = ClientTLSReader(section: section, prefix: "", checksHostname: false)
        let settings = reader.read(usesSocket: socket, mayUseVariables: false)
        if settings != nil, !socket, let url, !url.isHTTPS {
            let what = url.isEmpty ? "there is none here; remove it" : "this one is in plain text; change one of them"
            section.session.error(
                section.session.file(section.member("tls")?.line), section.path.key("tls"),
                "needs a URL with https://, and \(what)")
        }
        return settings
    }
}

extension String {
    /// Whether it is a URL over TLS.
    var isHTTPS: Bool { lowercased().hasPrefix("https:") }
}
