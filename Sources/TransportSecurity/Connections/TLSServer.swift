// SPDX-License-Identifier: Apache-2.0

import Logging
package import NIOCore
import NIOSSL
import PluginFramework
package import Sockets

/// Secures the connections of one listener, each with the certificates of its moment.
package final class TLSServer: Sendable {
    private let tls: ReloadableTLS
    let authentication: ServerTLSSettings.ClientAuthentication
    let allowed: ClientAllowList?
    let logger: Logger

    init(
        tls: ReloadableTLS, authentication: ServerTLSSettings.ClientAuthentication, allowed: ClientAllowList?,
        logger: Logger
    ) {
        self.tls = tls
        self.authentication = authentication
        self.allowed = allowed
        self.logger = logger
    }

    /// Puts TLS into the pipeline of a new connection, on its event loop, before anything that is to be secured.
    ///
    /// A failure comes as a ``TLSFailure``.
    ///
    /// - Parameters:
    ///   - handshakeTimeout: How long the client may take for the handshake; nil where whoever comes behind sees to that.
    ///   - identified: Told who the client is, if it shows a certificate, before the first byte of what is secured; it is
    ///     announced by a `PeerIdentity` as a user event as well.
    package func prepare(
        _ channel: any Channel, handshakeTimeout: TimeAmount? = nil,
        identified: (@Sendable (PeerIdentity) -> Void)? = nil
    ) throws {
        let handler = NIOSSLServerHandler(context: tls.context)
        try channel.pipeline.syncOperations.addHandlers([
            handler,
            ServerTLSGuard(
                handler: handler, server: self, handshakeTimeout: handshakeTimeout, identified: identified),
        ])
    }

    /// How often changed files were taken.
    package var generation: Int { tls.generation }
}
