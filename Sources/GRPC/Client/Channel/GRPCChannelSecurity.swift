// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// How the connections of a channel are secured.
package struct GRPCChannelSecurity: Sendable {
    /// Tells settings apart: channels to one target with equal identities are one.
    package let identity: String

    /// The `:scheme` of requests.
    let scheme: String

    /// Called first for each connection, on its event loop, to put handlers in front of HTTP/2.
    let prepareChannel: @Sendable (any Channel, GRPCTarget) throws -> Void

    /// No security: for the loopback, and for networks where nobody else is.
    package static let plaintext = GRPCChannelSecurity(identity: "", scheme: "http") { _, _ in }

    /// Security by handlers, such as TLS with the protocol `h2`.
    ///
    /// - Parameters:
    ///   - identity: differs for settings that differ; not empty.
    ///   - prepareChannel: puts the handlers into the pipeline.
    package static func handlers(
        identity: String, prepareChannel: @escaping @Sendable (any Channel, GRPCTarget) throws -> Void
    ) -> GRPCChannelSecurity {
        GRPCChannelSecurity(identity: identity, scheme: "https", prepareChannel: prepareChannel)
    }
}
