// SPDX-License-Identifier: Apache-2.0

package import HTTP
package import NIOCore
import Sockets

extension HTTPServerSecurity {
    /// TLS as configured; who a client is that shows a certificate, its requests tell as `peer.identity`.
    ///
    /// - Parameter handshakeTimeout: How long a client may take until its first request can come, 10 seconds by default.
    package static func tls(_ server: TLSServer, handshakeTimeout: TimeAmount = .seconds(10)) -> HTTPServerSecurity {
        .handlers { channel, peer in
            try server.prepare(channel, handshakeTimeout: handshakeTimeout) { peer.identity = $0 }
        }
    }
}

extension HTTPClientSecurity {
    /// TLS as configured: the server's certificate must have the host's name, unless the settings say otherwise.
    package static func tls(_ client: TLSClient) -> HTTPClientSecurity {
        .handlers(identity: client.identity) { channel, origin in
            try client.prepare(channel, host: origin.host)
        }
    }
}
