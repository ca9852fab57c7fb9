// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOHPACK
package import Sockets
import Synchronization

/// A call as its handler sees it.
package struct GRPCCall: Sendable {
    /// The path of the method, `/package.Service/Method`.
    package let path: String

    /// The request message of a unary call, decompressed; empty for a streaming one.
    package var message: ByteBuffer

    /// When the client gives up, by its `grpc-timeout`; the task of the call is cancelled then.
    package let deadline: ContinuousClock.Instant?

    /// The headers of the request, pseudo-headers included.
    package let metadata: HPACKHeaders

    /// Who calls.
    package let peer: GRPCPeer
}

/// The far end of a connection.
package final class GRPCPeer: Sendable, CustomStringConvertible {
    /// The address of the peer, such as `127.0.0.1:41234` or `unix`.
    package let description: String

    private let announced = Atomic<UInt64>(0)

    /// What the peer has announced on this connection that it can do: bits whose meaning is the layer's above; 0 at first.
    package var features: UInt64 {
        get { announced.load(ordering: .relaxed) }
        set { announced.store(newValue, ordering: .relaxed) }
    }

    private let proven = Mutex<PeerIdentity?>(nil)

    /// Who the peer has proven to be by a certificate; nil when it showed none, as on a connection without TLS.
    package internal(set) var identity: PeerIdentity? {
        get { proven.withLock { $0 } }
        set { proven.withLock { [newValue] in $0 = newValue } }
    }

    init(_ description: String) {
        self.description = description
    }
}
