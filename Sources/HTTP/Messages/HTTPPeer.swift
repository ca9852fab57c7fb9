// SPDX-License-Identifier: Apache-2.0

package import Sockets
import Synchronization

/// The far end of a connection.
package final class HTTPPeer: Sendable, CustomStringConvertible {
    /// Where the far end is.
    package enum Address: Sendable, Equatable {
        /// An IP address, as text, and a port.
        case ip(String, port: Int)
        /// A process of this machine, at a Unix socket; nil when the system does not say which (unix(7), SO_PEERCRED).
        case unix(PeerCredentials?)
    }

    /// Where the far end is.
    package let address: Address

    private let verified = Mutex<PeerIdentity?>(nil)

    /// Who the far end has proven to be; nil while it has proven nothing.
    ///
    /// Set by the handlers of `HTTPServerSecurity` before the first request is read.
    package var identity: PeerIdentity? {
        get { verified.withLock { $0 } }
        set { verified.withLock { [newValue] in $0 = newValue } }
    }

    /// Makes a peer.
    package init(address: Address) {
        self.address = address
    }

    /// The address as logs show it: `127.0.0.1:41234`, `[::1]:41234`, `unix` or `unix(pid 1, uid 2)`.
    package var description: String {
        switch address {
        case .ip(let ip, let port): ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)"
        case .unix(nil): "unix"
        case .unix(let credentials?): "unix(pid \(credentials.process), uid \(credentials.user))"
        }
    }
}
