// SPDX-License-Identifier: Apache-2.0

package import HTTP
import Sockets

extension HTTPServerSecurity {
    /// TLS as configured; who a client is that shows a certificate, its requests tell as `peer.identity`.
    package static func tls(_ server: TLSServer) -> HTTPServerSecurity {
        .handlers { channel, peer in
            try server.prepare(channel) { identity in
                peer.identity = HTTPPeerIdentity(
                    subject: identity.subject,
                    names: identity.dnsNames + identity.ipAddresses + identity.uris + identity.emailAddresses)
            }
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
