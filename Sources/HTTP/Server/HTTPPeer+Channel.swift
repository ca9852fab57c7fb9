// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

extension HTTPPeer {
    /// The far end of an accepted channel; to be called on its event loop.
    convenience init(of channel: any Channel) {
        if let address = channel.remoteAddress, let ip = address.ipAddress {
            self.init(address: .ip(ip, port: address.port ?? 0))
        } else {
            self.init(address: .unix(Self.credentials(of: channel)))
        }
    }

    /// `struct ucred` of unix(7), which Glibc's module leaves out.
    private struct Credentials {
        var process: Int32 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
    }

    private static func credentials(of channel: any Channel) -> HTTPUnixCredentials? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        let level = NIOBSDSocket.OptionLevel.socket
        let future: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
            level: level, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        var found: HTTPUnixCredentials?
        // On the channel's own event loop the option is read at once.
        future.assumeIsolated().whenSuccess { credentials in
            found = HTTPUnixCredentials(
                processID: credentials.process, userID: credentials.user, groupID: credentials.group)
        }
        return found
    }
}
