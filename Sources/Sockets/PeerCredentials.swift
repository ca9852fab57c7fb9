// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import NIOCore

/// The process at the other end of a Unix socket, as the kernel tells it: what it was when it connected.
package struct PeerCredentials: Sendable, Hashable {
    // In the order of `struct ucred` (unix(7), SO_PEERCRED).
    /// The process.
    package var process: Int32
    /// Its effective user.
    package var user: UInt32
    /// Its effective group.
    package var group: UInt32

    /// Makes credentials.
    package init(process: Int32, user: UInt32, group: UInt32) {
        self.process = process
        self.user = user
        self.group = group
    }

    /// Asks the kernel for the peer of a connected Unix socket.
    ///
    /// - Returns: A future on the channel's event loop, complete already when asked for there.
    package static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return provider.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED))
    }
}

extension PeerCredentials: CustomStringConvertible {
    /// As log lines show them.
    package var description: String { "pid \(process), uid \(user), gid \(group)" }
}
