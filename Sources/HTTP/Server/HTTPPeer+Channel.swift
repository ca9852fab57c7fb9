// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Sockets

extension HTTPPeer {
    /// The far end of an accepted channel; to be called on its event loop.
    convenience init(of channel: any Channel) {
        if let address = channel.remoteAddress, let ip = address.ipAddress {
            self.init(address: .ip(ip, port: address.port ?? 0))
        } else {
            self.init(address: .unix(Self.credentials(of: channel)))
        }
    }

    private static func credentials(of channel: any Channel) -> PeerCredentials? {
        var found: PeerCredentials?
        // On the channel's own event loop the option is read at once.
        PeerCredentials.of(channel).assumeIsolated().whenSuccess { found = $0 }
        return found
    }
}
