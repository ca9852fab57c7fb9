// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// How the connections of a server are secured.
package struct HTTPServerSecurity: Sendable {
    /// Called first for each connection, on its event loop, to put handlers in front of HTTP.
    let prepareChannel: @Sendable (any Channel, HTTPPeer) throws -> Void

    /// No security: for the loopback, and for networks where nobody else is.
    package static let plaintext = HTTPServerSecurity { _, _ in }

    /// Security by handlers, such as TLS with the protocol `http/1.1`.
    ///
    /// - Parameter prepareChannel: puts the handlers into the pipeline; they set the peer's `identity` once it is proven.
    package static func handlers(
        _ prepareChannel: @escaping @Sendable (any Channel, HTTPPeer) throws -> Void
    ) -> HTTPServerSecurity {
        HTTPServerSecurity(prepareChannel: prepareChannel)
    }
}
