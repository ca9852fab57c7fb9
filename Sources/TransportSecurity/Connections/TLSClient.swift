// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOSSL
package import PluginFramework

/// Secures the connections of one dialler, each with the certificates of its moment.
package final class TLSClient: Sendable {
    /// Differs for settings that differ: connections of diallers with equal identities may be shared.
    package let identity: String

    private let tls: ReloadableTLS
    private let serverName: String?
    private let application: TLSApplication

    init(tls: ReloadableTLS, settings: ClientTLSSettings, application: TLSApplication) {
        self.tls = tls
        self.application = application
        serverName = settings.serverName
        identity = Self.identity(of: settings)
    }

    /// What tells settings apart.
    package static func identity(of settings: ClientTLSSettings) -> String {
        let texts = [
            settings.caBundle, settings.certificateFile, settings.keyFile, settings.keyFilePassword,
            settings.serverName,
        ]
        // Each with its length, so that no two lists look the same.
        let parts = texts.map { text in text.map { "\($0.utf8.count):\($0)" } ?? "-" }
        return "tls \(settings.verify) \(settings.checkHostname) \(parts.joined(separator: " "))"
    }

    /// Puts TLS into the pipeline of a new connection, on its event loop, before anything that is to be secured.
    ///
    /// A failure comes as a ``TLSFailure``.
    ///
    /// - Parameter host: The name that was dialled, without a port; an address, or nil, has the certificate checked against the
    ///   address of the connection. `server_name` counts instead if it is set.
    package func prepare(_ channel: any Channel, host: String?) throws {
        var name = serverName ?? host
        // An address is not sent as a name (RFC 6066, section 3).
        if let given = name, !Self.isHostName(given) { name = nil }
        let handler = try NIOSSLClientHandler(context: tls.context, serverHostname: name)
        try channel.pipeline.syncOperations.addHandlers([
            handler, ClientTLSGuard(handler: handler, name: name, application: application),
        ])
    }

    /// How often changed files were taken.
    package var generation: Int { tls.generation }

    /// Whether a text is a name rather than an address, or nothing of the kind.
    static func isHostName(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...253).contains(bytes.count), (try? SocketAddress(ipAddress: text, port: 0)) == nil else {
            return false
        }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
