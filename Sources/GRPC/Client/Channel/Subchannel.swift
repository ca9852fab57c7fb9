// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One connection that is to be kept to one address, and what became of it so far.
///
/// Belongs to its channel's control, and to the event loop of that.
final class Subchannel {
    let address: SocketAddress
    let name: String
    /// Where its connections live.
    let eventLoop: any EventLoop
    /// The connection that is in use, or to be; nil while the next attempt is waited for.
    var connection: ClientConnection?
    var isReady = false
    /// The address is none of the target's any more; nothing follows.
    var isGone = false
    /// Connecting failed, and has not worked since.
    var hasFailed = false
    var lastFailure = ""
    var backoff: Backoff
    var retry: Scheduled<Void>?
    var readySince = NIODeadline.uptimeNanoseconds(0)
    var keepaliveTime: Duration?

    init(_ address: SocketAddress, on eventLoop: any EventLoop, _ configuration: GRPCChannelConfiguration) {
        self.address = address
        self.eventLoop = eventLoop
        switch address {
        case .unixDomainSocket: name = "unix:\(address.pathname ?? "")"
        case .v4: name = "\(address.ipAddress ?? "?"):\(address.port ?? 0)"
        case .v6: name = "[\(address.ipAddress ?? "?")]:\(address.port ?? 0)"
        }
        backoff = Backoff(first: configuration.reconnectDelay, most: configuration.maxReconnectDelay)
        keepaliveTime = configuration.keepaliveTime
    }
}
